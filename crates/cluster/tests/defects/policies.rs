//! What hand-made policies got wrong, each as it was and as it is.

use crate::evaluator::{Policies, Try};
use crate::world::World;
use serde_json::{Value, json};

/// The NAS, and the same with hand-made policies in place of homehive's.
fn both(hand_made: &[Value]) -> (World, Policies) {
    let text = crate::common::EXAMPLES[0].1;
    let world = World::new(crate::common::fleet(text), &crate::common::objects(text));
    let old = Policies { all: hand_made.to_vec(), ..world.policies.clone() };
    (world, old)
}

fn policy(namespace: &str, pods: &[(&str, &str)], rules: &Value) -> Value {
    let labels: serde_json::Map<_, _> = pods.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let mut spec = json!({ "podSelector": { "matchLabels": labels } });
    for (key, value) in rules.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({ "metadata": { "namespace": namespace, "name": "hand-made" }, "spec": spec })
}

fn allowed(world: &World, policies: &Policies, from: &str, to: &str, port: u16) -> bool {
    policies.allow(Try { from: world.place(from), to: world.place(to), port, protocol: "TCP" })
}

/// The Service listens on 9090, the container on 10902: policies see the container's port.
#[test]
fn defect_03_thanos_query_is_reached_on_its_containers_port() {
    let rules = json!({ "policyTypes": ["Ingress"], "ingress": [{ "ports": [{ "protocol": "TCP", "port": 9090 }] }] });
    let (world, old) = both(&[policy("monitoring", &[("app.kubernetes.io/name", "thanos")], &rules)]);
    let [grafana, query] = ["monitoring/grafana", "monitoring/thanos-query"];
    assert!(!allowed(&world, &old, grafana, query, 10902));
    assert!(allowed(&world, &world.policies, grafana, query, 10902));
    assert!(!allowed(&world, &world.policies, grafana, query, 9090));
}

/// The kubelet and the node exporter are in their machine's network: no selector of pods finds them.
#[test]
fn defect_04_kubelets_and_node_exporters_are_reached_by_address() {
    let pods = |labels: Value| json!({ "namespaceSelector": {}, "podSelector": { "matchLabels": labels } });
    let rules = json!({ "policyTypes": ["Egress"], "egress": [
        { "to": [pods(json!({ "app.kubernetes.io/name": "prometheus-node-exporter" }))], "ports": [{ "port": 9100 }] },
        { "to": [{ "namespaceSelector": {} }], "ports": [{ "port": 10250 }] },
    ] });
    let (world, old) = both(&[policy("monitoring", &[("app.kubernetes.io/name", "prometheus")], &rules)]);
    for port in [9100, 10250] {
        assert!(!allowed(&world, &old, "monitoring/prometheus", "machine", port), "{port}");
        assert!(allowed(&world, &world.policies, "monitoring/prometheus", "machine", port), "{port}");
        assert!(!allowed(&world, &world.policies, "monitoring/prometheus", "somebody in the LAN", port), "{port}");
    }
}

/// What Prometheus asks for metrics beside the exporters.
#[test]
fn defect_05_the_stacks_own_metrics_are_let_through() {
    let rules = json!({ "policyTypes": ["Ingress"] });
    let (world, old) = both(&[policy("monitoring", &[], &rules)]);
    for (to, port) in [
        ("monitoring/prometheus-operator", 10250),
        ("monitoring/grafana", 3000),
        ("monitoring/alertmanager", 8080),
        ("monitoring/thanos-query", 10902),
        ("monitoring/thanos-store", 10902),
        ("monitoring/thanos-compact", 10902),
    ] {
        assert!(!allowed(&world, &old, "monitoring/prometheus", to, port), "{to}");
        assert!(allowed(&world, &world.policies, "monitoring/prometheus", to, port), "{to}");
    }
}
