//! The namespaces that everything else lies in.

use crate::meta::{labelled, unnamespaced};
use crate::{Manifest, Object, RenderError, Wave};
use fleet::Fleet;
use k8s_openapi::api::core::v1::Namespace;

/// Prometheus, Grafana, Alertmanager, Thanos, exporters.
pub const MONITORING: &str = "monitoring";
/// The shares' servers.
pub const SAMBA: &str = "samba";
/// The Samba operator.
pub const SAMBA_OPERATOR: &str = "samba-operator-system";
/// The load balancer.
pub const METALLB: &str = "metallb-system";
/// k3s' own, where its `HelmChart` objects lie.
pub const KUBE_SYSTEM: &str = "kube-system";

/// What the pods of a namespace may do at most (Pod Security Standards).
#[derive(Clone, Copy)]
enum Pods {
    /// Everything: they serve the machine's disks or network.
    Privileged,
    /// What ordinary programs do.
    Baseline,
}

/// The namespaces of what the fleet has, a file for each: one that the fleet no longer has leaves with its file, see
/// [`crate::Manifest`].
pub(crate) fn manifests(fleet: &Fleet) -> Result<Vec<Manifest>, RenderError> {
    let wanted = [
        (METALLB, Pods::Privileged, !fleet.network.balancer.is_empty()),
        (MONITORING, Pods::Privileged, fleet.monitoring.is_some()),
        (SAMBA, Pods::Privileged, !fleet.shares.is_empty()),
        (SAMBA_OPERATOR, Pods::Baseline, !fleet.shares.is_empty()),
    ];
    let files = wanted.into_iter().filter(|(.., wanted)| *wanted).map(|(name, pods, _)| {
        let head = match pods {
            Pods::Privileged => "A namespace. Its pods serve disks or the network, and are privileged by their nature.",
            Pods::Baseline => "A namespace. Its pods are ordinary programs.",
        };
        let objects = vec![Object::of(&one(name, pods))?];
        Ok(Manifest { wave: Wave::Ground, name: format!("namespace-{name}"), head: head.into(), objects })
    });
    files.collect()
}

fn one(name: &str, pods: Pods) -> Namespace {
    let level = match pods {
        Pods::Privileged => "privileged",
        Pods::Baseline => "baseline",
    };
    let labels = [("pod-security.kubernetes.io/enforce", level)];
    Namespace { metadata: labelled(unnamespaced(name), labels), ..Namespace::default() }
}
