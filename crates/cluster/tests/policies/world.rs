//! A cluster with everything that talks in it, and what of that the table wants; labels are whole, as the charts of the
//! catalogue, the operators and k3s give them.

use crate::evaluator::{Labels, Place, Policies, Side, Try};
use cluster::policies::{End, Flow, PODS, Workload, flows, governed};
use fleet::{Fleet, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// A pod: namespace, name, labels.
type Pod = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Pods of the charts and operators.
const CHARTS: &[Pod] = &[
    (
        "monitoring",
        "prometheus",
        &[
            ("app.kubernetes.io/name", "prometheus"),
            ("app.kubernetes.io/instance", "kube-prometheus-stack-prometheus"),
            ("app.kubernetes.io/managed-by", "prometheus-operator"),
            ("operator.prometheus.io/name", "kube-prometheus-stack-prometheus"),
            ("prometheus", "kube-prometheus-stack-prometheus"),
        ],
    ),
    (
        "monitoring",
        "alertmanager",
        &[
            ("app.kubernetes.io/name", "alertmanager"),
            ("app.kubernetes.io/instance", "kube-prometheus-stack-alertmanager"),
            ("app.kubernetes.io/managed-by", "prometheus-operator"),
            ("alertmanager", "kube-prometheus-stack-alertmanager"),
        ],
    ),
    (
        "monitoring",
        "prometheus-operator",
        &[
            ("app", "kube-prometheus-stack-operator"),
            ("app.kubernetes.io/name", "kube-prometheus-stack-prometheus-operator"),
            ("app.kubernetes.io/component", "prometheus-operator"),
            ("app.kubernetes.io/instance", "kube-prometheus-stack"),
            ("release", "kube-prometheus-stack"),
        ],
    ),
    (
        "monitoring",
        "certificate-jobs",
        &[
            ("app", "kube-prometheus-stack-admission-create"),
            ("app.kubernetes.io/name", "kube-prometheus-stack-prometheus-operator"),
            ("app.kubernetes.io/component", "prometheus-operator-webhook"),
            ("release", "kube-prometheus-stack"),
        ],
    ),
    (
        "monitoring",
        "grafana",
        &[("app.kubernetes.io/name", "grafana"), ("app.kubernetes.io/instance", "kube-prometheus-stack")],
    ),
    (
        "monitoring",
        "kube-state-metrics",
        &[
            ("app.kubernetes.io/name", "kube-state-metrics"),
            ("app.kubernetes.io/instance", "kube-prometheus-stack"),
            ("app.kubernetes.io/component", "metrics"),
            ("release", "kube-prometheus-stack"),
        ],
    ),
    (
        "monitoring",
        "smartctl-exporter",
        &[
            ("app.kubernetes.io/name", "prometheus-smartctl-exporter"),
            ("app.kubernetes.io/instance", "smartctl-exporter"),
            ("idx", "i0"),
        ],
    ),
    (
        "metallb-system",
        "metallb-controller",
        &[
            ("app.kubernetes.io/name", "metallb"),
            ("app.kubernetes.io/instance", "metallb"),
            ("app.kubernetes.io/component", "controller"),
        ],
    ),
    ("kube-system", "dns", &[("k8s-app", "kube-dns")]),
    ("kube-system", "somebody", &[("app", "somebody")]),
    ("default", "somebody", &[("app.kubernetes.io/name", "prometheus")]),
];

/// Everything that talks, and the cluster's policies.
pub struct World {
    pub places: Vec<Place>,
    pub policies: Policies,
    flows: Vec<Flow>,
    governed: Vec<&'static str>,
    nodes: Vec<Ipv4Addr>,
    servers: Vec<Ipv4Addr>,
    fleet: Fleet,
}

impl World {
    /// Of a fleet and all its objects.
    pub fn new(fleet: Fleet, objects: &[cluster::Object]) -> Self {
        let governed = governed(&fleet);
        let mut pods: Vec<(String, String, Labels)> = Vec::new();
        let texts = |labels: &[(&str, &str)]| {
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Labels>()
        };
        for (namespace, name, labels) in CHARTS {
            let there = governed.contains(namespace) || ["kube-system", "default"].contains(namespace);
            if there {
                pods.push(((*namespace).to_owned(), (*name).to_owned(), texts(labels)));
            }
        }
        // A pod of nobody in each namespace, and the pods of homehive's own objects as these say themselves.
        for namespace in &governed {
            pods.push(((*namespace).to_owned(), "somebody".to_owned(), Labels::new()));
        }
        for object in objects {
            let template = &object.value()["spec"]["template"]["metadata"]["labels"];
            let Some(labels) = template.as_object() else { continue };
            let labels = labels.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()));
            let key = object.key();
            pods.push((key.namespace.unwrap(), key.name, labels.collect()));
        }
        let mut places: Vec<Place> = Vec::new();
        for (at, (namespace, name, labels)) in (2_u8..).zip(pods) {
            let (name, address) = (format!("{namespace}/{name}"), Ipv4Addr::new(10, 42, 1, at));
            places.push(Place { name, address, pod: Some((namespace, labels)) });
        }
        let addresses = |wanted: &dyn Fn(Role) -> bool| {
            let machines = fleet.machines.values().filter(|machine| wanted(machine.role));
            machines.map(|machine| machine.address).collect::<Vec<_>>()
        };
        let (nodes, servers) = (addresses(&|role| role != Role::None), addresses(&|role| role == Role::K3sServer));
        let mut outer = |name: &str, address: Ipv4Addr| {
            places.push(Place { name: name.to_owned(), address, pod: None });
        };
        for node in &nodes {
            outer("machine", *node);
        }
        outer("a machine in the pods' network", Ipv4Addr::new(10, 42, 1, 0));
        outer("somebody in the LAN", Ipv4Addr::new(192, 168, 1, 77));
        outer("somebody in the Internet", Ipv4Addr::new(203, 0, 113, 9));
        outer("a service's own address", Ipv4Addr::new(10, 43, 0, 1));
        let policies = objects.iter().filter(|object| object.key().kind == "NetworkPolicy");
        let all = policies.map(|object| object.value().clone()).collect();
        let spaces = places.iter().filter_map(|place| place.pod.as_ref().map(|(namespace, _)| namespace.clone()));
        let named = |name: String| (name.clone(), Labels::from([("kubernetes.io/metadata.name".to_owned(), name)]));
        let namespaces: BTreeMap<String, Labels> = spaces.map(named).collect();
        let flows = flows(&fleet);
        Self { places, policies: Policies { all, namespaces }, flows, governed, nodes, servers, fleet }
    }

    /// Every port of the table, and some more.
    pub fn ports(&self) -> BTreeSet<(u16, &'static str)> {
        let more = [(22, "TCP"), (53, "TCP"), (53, "UDP"), (80, "TCP"), (443, "TCP"), (9090, "TCP"), (9922, "TCP")];
        let both = |flow: &Flow| [(flow.port, "TCP"), (flow.port, "UDP")];
        self.flows.iter().flat_map(both).chain(more).collect()
    }

    fn is_governed(&self, place: &Place) -> bool {
        place.pod.as_ref().is_some_and(|(namespace, _)| self.governed.contains(&namespace.as_str()))
    }

    /// What the table wants of one side: a governed pod begins and takes nothing but its flows.
    fn wanted(&self, side: Side, attempt: Try<'_>) -> bool {
        let asks_names = side == Side::Egress && attempt.port == 53 && attempt.to.name == "kube-system/dns";
        asks_names
            || self.flows.iter().any(|flow| {
                flow.port == attempt.port
                    && flow.protocol.word() == attempt.protocol
                    && self.is(flow.from, attempt.from, side)
                    && self.is(flow.to, attempt.to, side)
            })
    }

    fn is(&self, end: End, place: &Place, side: Side) -> bool {
        let pods = PODS.trim_end_matches(".0.0/16");
        let in_the_cluster = ["10.43", pods].iter().any(|net| place.address.to_string().starts_with(net));
        match end {
            End::Pods(workload) => is_of(workload, place),
            End::Nodes => self.nodes.contains(&place.address),
            End::Servers => self.servers.contains(&place.address),
            // Whoever takes its connections cannot tell it from a pod; a pod is never it.
            End::Api => {
                self.servers.contains(&place.address)
                    || (side == Side::Ingress && place.address.to_string().starts_with(pods))
            }
            End::Lan => self.fleet.network.subnet.contains(place.address),
            End::Outside => !in_the_cluster,
        }
    }

    /// Differences between what each side of each connection allows and what the table wants of it; up to `most`. Where
    /// a namespace is given, only its pods are asked.
    pub fn differences(&self, policies: &Policies, only: Option<&str>, most: usize) -> (usize, Vec<String>) {
        let (mut tries, mut found) = (0, Vec::new());
        let ports = self.ports();
        let is_asked = |place: &&Place| {
            let at = place.pod.as_ref().map(|(namespace, _)| namespace.as_str());
            self.is_governed(place) && only.is_none_or(|only| at == Some(only))
        };
        for own in self.places.iter().filter(is_asked) {
            for side in [Side::Egress, Side::Ingress] {
                let selecting = policies.selecting(side, own);
                for other in self.places.iter().filter(|other| other.address != own.address) {
                    for &(port, protocol) in &ports {
                        let (from, to) = if side == Side::Egress { (own, other) } else { (other, own) };
                        let attempt = Try { from, to, port, protocol };
                        let allowed = policies.allowed_by(&selecting, side, own, other, attempt);
                        tries += 1;
                        if allowed != self.wanted(side, attempt) {
                            let word = if allowed { "allowed, not wanted" } else { "wanted, not allowed" };
                            let (from, to) = (&from.name, &to.name);
                            found.push(format!("{side:?}: {word}: {from} to {to} on {port}/{protocol}"));
                            if found.len() == most {
                                return (tries, found);
                            }
                        }
                    }
                }
            }
        }
        (tries, found)
    }

    /// The place of this name.
    pub fn place(&self, name: &str) -> &Place {
        self.places.iter().find(|place| place.name == name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }
}

/// Shares are many, and called by their names; all others by the workload's.
fn is_of(workload: Workload, place: &Place) -> bool {
    let Some((namespace, labels)) = &place.pod else { return false };
    if workload.name == "shares" {
        return namespace == "samba" && labels.get("app.kubernetes.io/component").is_some_and(|it| it == "smbd");
    }
    let name = if workload.name == "samba-operator" { "samba-operator-controller-manager" } else { workload.name };
    place.name == format!("{}/{name}", workload.namespace)
}
