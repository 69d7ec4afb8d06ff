//! The load balancer: addresses of the LAN for services, answered for by the machines themselves (ARP).

use crate::kinds::{self, HelmChart, IpAddressPool, L2Advertisement};
use crate::meta::{annotated, named};
use crate::namespaces::{KUBE_SYSTEM, METALLB};
use crate::{Catalogue, Manifest, RenderError, Wave};
use fleet::Fleet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;
use std::net::Ipv4Addr;

/// The annotation of a Service that asks for one address of the pool.
pub const ADDRESS: &str = "metallb.io/loadBalancerIPs";

/// The one pool, and its advertisement.
const POOL: &str = "lan";

/// The balancer and its pool; nothing if the fleet has no pool.
pub(crate) fn manifests(fleet: &Fleet, catalogue: &Catalogue) -> Result<Vec<Manifest>, RenderError> {
    if fleet.network.balancer.is_empty() {
        return Ok(Vec::new());
    }
    let chart = HelmChart::new(catalogue.chart("metallb")?, METALLB, &values())?;
    let operator = Manifest {
        wave: Wave::Operators,
        name: "metallb".into(),
        head: "MetalLB, the load balancer: services get addresses of the LAN. k3s' own (servicelb) is off.".into(),
        objects: vec![kinds::object(&named(KUBE_SYSTEM, "metallb"), &chart)?],
    };
    let addresses = fleet.network.balancer.iter().map(|range| range.to_string()).collect();
    let pool = IpAddressPool { addresses, auto_assign: true };
    let advertisement = L2Advertisement { ip_address_pools: vec![POOL.to_owned()] };
    let objects = Manifest {
        wave: Wave::Objects,
        name: "addresses".into(),
        head: "The addresses that the load balancer gives out: `network.balancer` of the fleet.".into(),
        objects: vec![
            kinds::object(&named(METALLB, POOL), &pool)?,
            kinds::object(&named(METALLB, POOL), &advertisement)?,
        ],
    };
    Ok(vec![operator, objects])
}

/// The chart's values: ARP needs no router, so that none of BGP's is there.
fn values() -> serde_json::Value {
    json!({
        "frrk8s": { "enabled": false },
        "speaker": { "frr": { "enabled": false } },
    })
}

/// The head of a Service that asks for one address of the pool, if one is wished.
pub fn wants(meta: ObjectMeta, address: Option<Ipv4Addr>) -> ObjectMeta {
    match address {
        Some(address) => annotated(meta, [(ADDRESS, &address.to_string())]),
        None => meta,
    }
}
