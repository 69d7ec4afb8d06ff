//! Addresses: each in the subnet, none twice, and the ranges apart from each other and from what is static.

use super::path;
use crate::declared::Draft;
use crate::{AddressRange, Interface, Network, Ranges};
use document::{Path, Problems};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

pub(super) fn check(network: &Network, draft: &Draft, problems: &mut Problems) {
    gateway(network, problems);
    ranges("dhcp", &network.dhcp, network, problems);
    ranges("balancer", &network.balancer, network, problems);
    pool(network, draft, problems);
    let mut taken: BTreeMap<Ipv4Addr, &str> = BTreeMap::new();
    for (name, machine) in &draft.machines {
        let at = path(["machines", name.as_ref(), "address"]);
        machine_address(name.as_ref(), machine.address, network, &at, problems);
        unique(name.as_ref(), machine.address, &mut taken, &at, problems);
    }
    cards(draft, problems);
    for (name, address) in &network.hosts {
        let at = path(["network", "hosts", name.as_ref()]);
        if draft.machines.contains_key(name) {
            let message = format!("`{name}` is the name of a machine and of another host");
            problems.add(&at, "fleet::duplicate_name", message, "taken", "give the host another name");
        }
        if network.balancer.contains(*address) {
            in_pool(&format!("host `{name}`"), *address, &at, problems);
        }
        unique(name.as_ref(), *address, &mut taken, &at, problems);
    }
}

/// A network card is in one machine.
fn cards(draft: &Draft, problems: &mut Problems) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, machine) in &draft.machines {
        let Some(Interface::Mac(mac)) = &machine.interface else { continue };
        if let Some(first) = seen.insert(mac, name.as_ref()) {
            let at = path(["machines", name.as_ref(), "interface"]);
            let message = format!("`{name}` has the network card of `{first}`: {mac}");
            let help = "a card is in one machine: correct the MAC address of one of the two";
            problems.add(&at, "fleet::interface_in_two_machines", message, "taken", help);
        }
    }
}

fn usable(network: &Network) -> String {
    format!("the subnet {} has {}", network.subnet, network.subnet.usable())
}

/// The problem of an address that no machine of the subnet can have, if it is one.
fn misplaced(whose: &str, address: Ipv4Addr, network: &Network, at: &Path, problems: &mut Problems) -> bool {
    let subnet = network.subnet;
    let (code, message) = if !subnet.contains(address) {
        ("fleet::address_outside_subnet", format!("{whose} {address} is outside the subnet {subnet}"))
    } else if address == subnet.network() {
        ("fleet::network_address", format!("{whose} {address} is the address of the subnet itself"))
    } else if address == subnet.broadcast() {
        ("fleet::broadcast_address", format!("{whose} {address} is the subnet's broadcast address"))
    } else {
        return false;
    };
    problems.add(at, code, message, "this address", usable(network));
    true
}

fn gateway(network: &Network, problems: &mut Problems) {
    let Some(gateway) = network.gateway else { return };
    let at = path(["network", "gateway"]);
    if !misplaced("the gateway", gateway, network, &at, problems) && network.balancer.contains(gateway) {
        in_pool("the gateway", gateway, &at, problems);
    }
}

fn in_pool(whose: &str, address: Ipv4Addr, at: &Path, problems: &mut Problems) {
    let message = format!("{whose} has {address}, which lies in the balancer's pool");
    let help = "the balancer would give it to a service: choose another address, or shrink `network.balancer`";
    problems.add(at, "fleet::address_in_pool", message, "in the pool", help);
}

fn machine_address(name: &str, address: Ipv4Addr, network: &Network, at: &Path, problems: &mut Problems) {
    let whose = format!("machine `{name}`");
    if misplaced(&format!("{whose}'s address"), address, network, at, problems) {
        return;
    }
    if Some(address) == network.gateway {
        let message = format!("{whose} has the gateway's address {address}");
        problems.add(at, "fleet::gateway_address", message, "the gateway's", usable(network));
    }
    if let Some(range) = network.dhcp.iter().find(|range| range.contains(address)) {
        let message = format!("{whose} has {address}, which the router gives out by DHCP ({range})");
        let help = "choose an address outside `network.dhcp`, or shrink that range here and in the router";
        problems.add(at, "fleet::address_in_dhcp", message, "in the DHCP range", help);
    }
    if network.balancer.contains(address) {
        in_pool(&whose, address, at, problems);
    }
}

fn unique<'a>(
    name: &'a str,
    address: Ipv4Addr,
    taken: &mut BTreeMap<Ipv4Addr, &'a str>,
    at: &Path,
    problems: &mut Problems,
) {
    if let Some(first) = taken.insert(address, name) {
        let message = format!("`{name}` has the address of `{first}`: {address}");
        problems.add(at, "fleet::duplicate_address", message, "taken", "give each its own address");
    }
}

/// Ranges lie in the subnet, and those of one key apart from each other.
fn ranges(key: &str, ranges: &Ranges, network: &Network, problems: &mut Problems) {
    let at = path(["network", key]);
    let subnet = network.subnet;
    let mut before: Vec<AddressRange> = Vec::new();
    for range in ranges.iter() {
        if !subnet.contains(range.first()) || !subnet.contains(range.last()) {
            let message = format!("`{key}` {range} lies outside the subnet {subnet}");
            problems.add(&at, "fleet::range_outside_subnet", message, "outside", usable(network));
        } else if key == "balancer" && (range.contains(subnet.network()) || range.contains(subnet.broadcast())) {
            let message = format!("`{key}` {range} holds the subnet's own or its broadcast address");
            problems.add(&at, "fleet::range_holds_reserved", message, "too wide", usable(network));
        }
        if let Some(other) = before.iter().find(|other| other.overlaps(range)) {
            let message = format!("`{key}` {range} overlaps {other}");
            problems.add(&at, "fleet::ranges_overlap", message, "overlap", "keep the ranges apart");
        }
        before.push(range);
    }
}

/// The balancer's pool: apart from DHCP, and large enough for what asks it for an address.
fn pool(network: &Network, draft: &Draft, problems: &mut Problems) {
    let at = path(["network", "balancer"]);
    for range in network.balancer.iter() {
        if let Some(dhcp) = network.dhcp.iter().find(|dhcp| dhcp.overlaps(range)) {
            let message = format!("the balancer's pool {range} overlaps the router's DHCP range {dhcp}");
            let help = "keep them apart: shrink one of them, here and in the router";
            problems.add(&at, "fleet::pool_in_dhcp", message, "overlaps DHCP", help);
        }
    }
    let grafana = u64::from(draft.monitoring.is_some());
    let needed = draft.shares.len() as u64 + grafana;
    let count = network.balancer.count();
    if count < needed && !network.balancer.is_empty() {
        let s = if count == 1 { "" } else { "es" };
        problems.add(
            &at,
            "fleet::pool_too_small",
            format!("the balancer's pool has {count} address{s}, the fleet's services need {needed}"),
            "too small",
            "one address for each share, and one for Grafana if there is monitoring",
        );
    }
}
