//! The network policies of the examples, against the table of flows, both ways: every flow that is wanted is allowed, and no
//! other; worked out by an evaluator that knows policies alone. And what hand-made ones got wrong.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../defects/policies.rs"]
mod defects;
mod evaluator;
#[path = "../defects/secrets.rs"]
mod secrets;
mod world;

use evaluator::Policies;
use serde_json::{Value, json};
use world::World;

/// Where nothing is allowed but what the table says.
const NAMESPACES: [&str; 4] = ["metallb-system", "monitoring", "samba", "samba-operator-system"];

/// A fleet with an object store as well.
const STORE: &str =
    "[monitoring]\nobject_store = { endpoint = \"s3.home.arpa:9000\", bucket = \"thanos\", region = \"home\" }\n";

/// The examples, and one with everything.
fn worlds() -> Vec<(String, World)> {
    let [(nas, text), (cluster, other)] = common::EXAMPLES;
    let store = text.replace("[monitoring]\n", STORE);
    let all = [(nas, text.to_owned()), (cluster, other.to_owned()), ("object store", store)];
    all.into_iter()
        .map(|(name, text)| (name.to_owned(), World::new(common::fleet(&text), &common::objects(&text))))
        .collect()
}

#[test]
fn every_flow_of_the_table_is_allowed_and_no_other() {
    for (name, world) in worlds() {
        assert!(world.places.len() > 15, "{name}: {} places", world.places.len());
        let (tries, differences) = world.differences(&world.policies, None, 50);
        assert!(differences.is_empty(), "{name}: {} differences:\n{}", differences.len(), differences.join("\n"));
        println!("{name}: {} policies, {tries} tries", world.policies.all.len());
    }
}

#[test]
fn whatever_is_taken_away_or_added_is_seen() {
    let (_, world) = worlds().swap_remove(1);
    let seen = |what: String, namespace: &str, all: Vec<Value>| {
        let policies = Policies { all, ..world.policies.clone() };
        let (_, differences) = world.differences(&policies, Some(namespace), 1);
        assert!(!differences.is_empty(), "{what}: nothing is seen");
    };
    for (at, policy) in world.policies.all.iter().enumerate() {
        let namespace = policy["metadata"]["namespace"].as_str().unwrap();
        let name = format!("{namespace}/{}", policy["metadata"]["name"]);
        let mut without = world.policies.all.clone();
        without.remove(at);
        seen(format!("without {name}"), namespace, without);
        for direction in ["ingress", "egress"] {
            let rules = policy["spec"][direction].as_array().map_or(0, Vec::len);
            for rule in 0..rules {
                let mut less = world.policies.all.clone();
                less[at]["spec"][direction].as_array_mut().unwrap().remove(rule);
                // Who comes from the API server's network is let in there anyway.
                let from_pods = !policy["spec"][direction][rule]["from"][0]["podSelector"].is_null();
                if !(name.contains("prometheus-operator") && from_pods) {
                    seen(format!("{name} without {direction} {rule}"), namespace, less);
                }
                let mut more = world.policies.all.clone();
                more[at]["spec"][direction][rule]["ports"] = json!([]);
                seen(format!("{name} with all ports in {direction} {rule}"), namespace, more);
            }
        }
    }
    for namespace in NAMESPACES {
        for (direction, rule) in [("Ingress", "ingress"), ("Egress", "egress")] {
            let mut spec = json!({ "podSelector": {}, "policyTypes": [direction] });
            spec[rule] = json!([{}]);
            let mut more = world.policies.all.clone();
            more.push(json!({ "metadata": { "namespace": namespace, "name": "more" }, "spec": spec }));
            seen(format!("all {direction} of {namespace}"), namespace, more);
        }
    }
}

/// With any other policy a client's address is lost on the way, and the LAN is not known by it.
#[test]
fn shares_and_grafana_keep_their_clients_addresses() {
    for (name, text) in common::EXAMPLES {
        let mut balanced = 0;
        for object in common::objects(text) {
            let value = object.value();
            if value["spec"]["type"] == "LoadBalancer" {
                assert_eq!(value["spec"]["externalTrafficPolicy"], "Local", "{name}: {}", object.key());
                balanced += 1;
            }
            if object.key().name == "kube-prometheus-stack" && object.key().kind == "HelmChart" {
                // The chart's values are text.
                let text = value["spec"]["valuesContent"].as_str().unwrap();
                let grafana = text.split("grafana:").nth(1).unwrap();
                assert!(grafana.contains("externalTrafficPolicy: Local"), "{name}");
                balanced += 1;
            }
        }
        assert_eq!(balanced, 3, "{name}");
    }
}
