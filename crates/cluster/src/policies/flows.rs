//! The table: every flow that the services need, and no other.

use super::ends::{
    ALERTMANAGER, BALANCER, CERTIFICATE_JOBS, DNS, End, GRAFANA, KUBE_STATE_METRICS, OPERATOR, PROMETHEUS, SHARES,
    SHARES_OPERATOR, SMARTCTL, THANOS_COMPACT, THANOS_QUERY, THANOS_STORE, Workload,
};
use super::governed;
use crate::samba::{METRICS_PORT, SMB_PORT};
use fleet::Fleet;

/// One flow: who begins it, with whom, on which port of the container or machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Who begins it.
    pub from: End,
    /// With whom.
    pub to: End,
    /// The port there.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// What for.
    pub why: &'static str,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// As policies write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// Who asks the API server.
const ASK_THE_API: [Workload; 7] =
    [PROMETHEUS, GRAFANA, KUBE_STATE_METRICS, OPERATOR, CERTIFICATE_JOBS, SHARES_OPERATOR, BALANCER];

/// What Prometheus asks for metrics, by the ports of the containers. To ask itself it need not leave its pod.
const METRICS: [(Workload, u16, &str); 11] = [
    (ALERTMANAGER, 9093, "alerts, and metrics"),
    (ALERTMANAGER, 8080, "metrics of its config reloader"),
    (GRAFANA, 3000, "metrics"),
    (KUBE_STATE_METRICS, 8080, "metrics of the cluster's objects"),
    (OPERATOR, 10250, "metrics"),
    (SMARTCTL, 9633, "metrics of disks"),
    (THANOS_QUERY, 10902, "metrics"),
    (THANOS_STORE, 10902, "metrics"),
    (THANOS_COMPACT, 10902, "metrics"),
    (SHARES, METRICS_PORT, "metrics of shares"),
    (DNS, 9153, "metrics of the name service"),
];

/// All flows of a fleet's services. A flow to or from a namespace that the fleet has not is none.
pub fn flows(fleet: &Fleet) -> Vec<Flow> {
    let pods = End::Pods;
    let tcp = |from, to, port, why| Flow { from, to, port, protocol: Protocol::Tcp, why };
    let mut all = vec![
        tcp(pods(PROMETHEUS), End::Nodes, 10250, "metrics of kubelets and containers"),
        tcp(pods(PROMETHEUS), End::Nodes, 9100, "metrics of machines"),
        tcp(pods(GRAFANA), pods(THANOS_QUERY), 10902, "what was measured"),
        tcp(pods(GRAFANA), pods(ALERTMANAGER), 9093, "alerts"),
        tcp(pods(THANOS_QUERY), pods(PROMETHEUS), 10901, "what is new, from the sidecar"),
        tcp(pods(THANOS_QUERY), pods(THANOS_STORE), 10901, "what is old"),
        tcp(End::Lan, pods(GRAFANA), 3000, "people who look"),
        tcp(End::Lan, pods(SHARES), SMB_PORT, "people who use shares"),
        tcp(End::Api, pods(OPERATOR), 10250, "is this rule well-formed? (webhook)"),
        tcp(End::Api, pods(BALANCER), 9443, "is this pool well-formed? (webhook)"),
    ];
    all.extend(METRICS.into_iter().map(|(to, port, why)| tcp(pods(PROMETHEUS), pods(to), port, why)));
    all.extend(ASK_THE_API.into_iter().map(|from| tcp(pods(from), End::Servers, 6443, "the cluster's API")));
    if let Some(monitoring) = &fleet.monitoring {
        if let Some(mail) = &monitoring.mail {
            let port = mail.smarthost.port();
            all.push(tcp(pods(ALERTMANAGER), End::Outside, port, "alerts by mail"));
        }
        if let Some(store) = &monitoring.object_store {
            let port = store.endpoint.port();
            // Prometheus' pod holds the sidecar that uploads.
            let users = [PROMETHEUS, THANOS_STORE, THANOS_COMPACT];
            all.extend(users.into_iter().map(|from| tcp(pods(from), End::Outside, port, "the object store")));
        }
    }
    let there = governed(fleet);
    let known = |end: End| match end {
        End::Pods(workload) => workload == DNS || there.contains(&workload.namespace),
        _ => true,
    };
    all.retain(|flow| known(flow.from) && known(flow.to));
    all
}
