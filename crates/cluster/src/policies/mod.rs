//! Who may talk to whom in the cluster: a table of flows, and the `NetworkPolicy` objects that allow exactly these.
//!
//! Policies act on packets after the translation of Services' addresses, so that all ports are containers' ports. What
//! runs in a machine's own network (the kubelet, the node exporter, the API server, the balancer's speakers) is no pod to them:
//! it is known by the machine's address, and no policy holds it back.

mod ends;
mod flows;
mod made;

pub use ends::{End, Workload, workloads};
pub use flows::{Flow, Protocol, flows};
pub use made::policies;

use crate::namespaces::{METALLB, MONITORING, SAMBA, SAMBA_OPERATOR};
use crate::{Manifest, Object, RenderError, Wave};
use fleet::Fleet;

/// k3s' pods, unless told otherwise (docs.k3s.io, `--cluster-cidr`); a LAN there is refused by `check`.
pub const PODS: &str = "10.42.0.0/16";
/// k3s' services, likewise (`--service-cidr`).
pub const SERVICES: &str = "10.43.0.0/16";

/// The namespaces of this fleet in which nothing is allowed but what the table says.
pub fn governed(fleet: &Fleet) -> Vec<&'static str> {
    let all = [
        (METALLB, !fleet.network.balancer.is_empty()),
        (MONITORING, fleet.monitoring.is_some()),
        (SAMBA, !fleet.shares.is_empty()),
        (SAMBA_OPERATOR, !fleet.shares.is_empty()),
    ];
    all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

/// The policies, a file for each namespace.
pub(crate) fn manifests(fleet: &Fleet) -> Result<Vec<Manifest>, RenderError> {
    let mut all = Vec::new();
    for namespace in governed(fleet) {
        let objects = policies(fleet, namespace).iter().map(Object::of).collect::<Result<_, _>>()?;
        let head = format!(
            "Who may talk to whom in {namespace}: nothing but this, in and out. Ports are those of containers."
        );
        all.push(Manifest { wave: Wave::Policies, name: format!("policies-{namespace}"), head, objects });
    }
    Ok(all)
}
