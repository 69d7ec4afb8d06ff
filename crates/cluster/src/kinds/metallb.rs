//! `MetalLB`'s own kinds (`metallb.io/v1beta1`).

use super::Kind;
use serde::Serialize;

/// Addresses that the balancer gives out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IpAddressPool {
    /// Ranges and subnets.
    pub addresses: Vec<String>,
    /// Do services that name no pool get addresses from it?
    pub auto_assign: bool,
}

/// Which addresses the machines answer for on the LAN (ARP).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct L2Advertisement {
    /// Those of these pools.
    pub ip_address_pools: Vec<String>,
}

impl Kind for IpAddressPool {
    const API_VERSION: &'static str = "metallb.io/v1beta1";
    const KIND: &'static str = "IPAddressPool";
}

impl Kind for L2Advertisement {
    const API_VERSION: &'static str = "metallb.io/v1beta1";
    const KIND: &'static str = "L2Advertisement";
}
