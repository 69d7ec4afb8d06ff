//! Addresses that services ask the balancer for: each out of its pool, and none twice.

use super::path;
use crate::declared::Draft;
use crate::{Network, Ranges};
use document::{Path, Problems};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

pub(super) fn check(network: &Network, draft: &Draft, problems: &mut Problems) {
    let shares = draft
        .shares
        .iter()
        .map(|(name, share)| (format!("share `{name}`"), share.address, path(["shares", name.as_ref(), "address"])));
    let grafana = draft.monitoring.iter().map(|it| ("Grafana".to_owned(), it.address, path(["monitoring", "address"])));
    let mut taken: BTreeMap<Ipv4Addr, String> = BTreeMap::new();
    for (whose, address, at) in shares.chain(grafana) {
        let Some(address) = address else { continue };
        if !network.balancer.contains(address) {
            outside(&whose, address, &network.balancer, &at, problems);
        } else if let Some(first) = taken.insert(address, whose.clone()) {
            let message = format!("{whose} has the address of {first}: {address}");
            problems.add(&at, "fleet::duplicate_address", message, "taken", "give each its own address");
        }
    }
}

fn outside(whose: &str, address: Ipv4Addr, pool: &Ranges, at: &Path, problems: &mut Problems) {
    let ranges: Vec<String> = pool.iter().map(|range| range.to_string()).collect();
    let message = format!("{whose} asks for {address}, which is not the balancer's to give");
    let help = match ranges.as_slice() {
        [] => "give the balancer a pool: `network.balancer`".to_owned(),
        ranges => format!("choose one of `network.balancer`: {}", ranges.join(", ")),
    };
    problems.add(at, "fleet::address_outside_pool", message, "outside the pool", help);
}
