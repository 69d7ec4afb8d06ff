//! The ends of flows: workloads by the labels of their pods, machines and others by their addresses.

use crate::namespaces::{KUBE_SYSTEM, METALLB, MONITORING, SAMBA, SAMBA_OPERATOR};

/// Pods of one kind, by labels that all of them have and no others in their namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Workload {
    /// What it is called here, and its policy in the cluster.
    pub name: &'static str,
    /// Where its pods are.
    pub namespace: &'static str,
    /// Their labels: as the charts of the catalogue, the operators and homehive give them.
    pub labels: &'static [(&'static str, &'static str)],
}

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Pods.
    Pods(Workload),
    /// The cluster's machines, by their addresses.
    Nodes,
    /// The machines that run the cluster's API, by their addresses.
    Servers,
    /// The API server where it begins a connection. It comes from its machine's address, or over the pods' network from an
    /// address there that only its machine knows: so that this is every pod as well.
    Api,
    /// The LAN, its machines included.
    Lan,
    /// Everything but the cluster's own networks: the Internet, and the LAN.
    Outside,
}

const fn workload(
    name: &'static str,
    namespace: &'static str,
    labels: &'static [(&'static str, &'static str)],
) -> Workload {
    Workload { name, namespace, labels }
}

const NAME: &str = "app.kubernetes.io/name";

pub(super) const PROMETHEUS: Workload = workload("prometheus", MONITORING, &[(NAME, "prometheus")]);
pub(super) const ALERTMANAGER: Workload = workload("alertmanager", MONITORING, &[(NAME, "alertmanager")]);
pub(super) const GRAFANA: Workload = workload("grafana", MONITORING, &[(NAME, "grafana")]);
pub(super) const KUBE_STATE_METRICS: Workload =
    workload("kube-state-metrics", MONITORING, &[(NAME, "kube-state-metrics")]);
pub(super) const OPERATOR: Workload =
    workload("prometheus-operator", MONITORING, &[("app", "kube-prometheus-stack-operator")]);
/// The chart's jobs that make the certificate of the operator's webhook.
pub(super) const CERTIFICATE_JOBS: Workload =
    workload("certificate-jobs", MONITORING, &[("app.kubernetes.io/component", "prometheus-operator-webhook")]);
pub(super) const SMARTCTL: Workload =
    workload("smartctl-exporter", MONITORING, &[(NAME, "prometheus-smartctl-exporter")]);
pub(super) const THANOS_QUERY: Workload =
    workload("thanos-query", MONITORING, &[(NAME, "thanos"), ("app.kubernetes.io/instance", "thanos-query")]);
pub(super) const THANOS_STORE: Workload =
    workload("thanos-store", MONITORING, &[(NAME, "thanos"), ("app.kubernetes.io/instance", "thanos-store")]);
pub(super) const THANOS_COMPACT: Workload =
    workload("thanos-compact", MONITORING, &[(NAME, "thanos"), ("app.kubernetes.io/instance", "thanos-compact")]);
pub(super) const SHARES: Workload =
    workload("shares", SAMBA, &[(NAME, "samba"), ("app.kubernetes.io/component", "smbd")]);
pub(super) const SHARES_OPERATOR: Workload =
    workload("samba-operator", SAMBA_OPERATOR, &[("control-plane", "controller-manager")]);
pub(super) const BALANCER: Workload =
    workload("metallb-controller", METALLB, &[(NAME, "metallb"), ("app.kubernetes.io/component", "controller")]);
/// The cluster's name service, as k3s labels it.
pub(super) const DNS: Workload = workload("dns", KUBE_SYSTEM, &[("k8s-app", "kube-dns")]);

/// All workloads that the table knows.
pub fn workloads() -> [Workload; 14] {
    [
        PROMETHEUS,
        ALERTMANAGER,
        GRAFANA,
        KUBE_STATE_METRICS,
        OPERATOR,
        CERTIFICATE_JOBS,
        SMARTCTL,
        THANOS_QUERY,
        THANOS_STORE,
        THANOS_COMPACT,
        SHARES,
        SHARES_OPERATOR,
        BALANCER,
        DNS,
    ]
}
