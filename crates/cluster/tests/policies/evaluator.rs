//! What network policies allow, worked out from their YAML alone as Kubernetes' documentation says
//! (kubernetes.io/docs/concepts/services-networking/network-policies): nothing here knows the table or what made them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Labels.
pub type Labels = BTreeMap<String, String>;

/// Something that can begin a connection, or take one.
#[derive(Clone, Debug)]
pub struct Place {
    pub name: String,
    pub address: Ipv4Addr,
    /// Namespace and labels of a pod; none for what is no pod, or a pod in its machine's network.
    pub pod: Option<(String, Labels)>,
}

/// One try.
#[derive(Clone, Copy, Debug)]
pub struct Try<'a> {
    pub from: &'a Place,
    pub to: &'a Place,
    pub port: u16,
    pub protocol: &'a str,
}

/// The policies of a cluster, and its namespaces' labels.
#[derive(Clone, Debug)]
pub struct Policies {
    pub all: Vec<Value>,
    pub namespaces: BTreeMap<String, Labels>,
}

/// Which side of a connection a policy acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The sender's.
    Egress,
    /// The receiver's.
    Ingress,
}

impl Policies {
    /// Both sides must allow it: the sender's egress and the receiver's ingress.
    pub fn allow(&self, attempt: Try<'_>) -> bool {
        let side = |side, own, other| self.allowed_by(&self.selecting(side, own), side, own, other, attempt);
        side(Side::Egress, attempt.from, attempt.to) && side(Side::Ingress, attempt.to, attempt.from)
    }

    /// The policies that select this place for a direction.
    pub fn selecting(&self, side: Side, own: &Place) -> Vec<&Value> {
        let Some((namespace, labels)) = &own.pod else { return Vec::new() };
        let direction = if side == Side::Egress { "Egress" } else { "Ingress" };
        let selects = |policy: &&Value| {
            let spec = &policy["spec"];
            policy["metadata"]["namespace"] == namespace.as_str()
                && types(spec).contains(&direction)
                && selected(&spec["podSelector"], labels)
        };
        self.all.iter().filter(selects).collect()
    }

    /// A pod that no policy selects for a direction is open in it; else what any of them allows is allowed.
    pub fn allowed_by(&self, selecting: &[&Value], side: Side, own: &Place, other: &Place, attempt: Try<'_>) -> bool {
        let Some((namespace, _)) = own.pod.as_ref().filter(|_| !selecting.is_empty()) else { return true };
        let (rules, peers) = if side == Side::Egress { ("egress", "to") } else { ("ingress", "from") };
        selecting.iter().any(|policy| {
            let rules = policy["spec"][rules].as_array().map(Vec::as_slice).unwrap_or_default();
            rules.iter().any(|rule| {
                let peers = rule[peers].as_array().map(Vec::as_slice).unwrap_or_default();
                let ports = rule["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
                (ports.is_empty() || ports.iter().any(|port| is_port(port, attempt)))
                    && (peers.is_empty() || peers.iter().any(|peer| self.is_peer(peer, namespace, other)))
            })
        })
    }

    fn is_peer(&self, peer: &Value, namespace: &str, other: &Place) -> bool {
        if !peer["ipBlock"].is_null() {
            let block = &peer["ipBlock"];
            let except = block["except"].as_array().map(Vec::as_slice).unwrap_or_default();
            return within(&block["cidr"], other.address) && !except.iter().any(|cidr| within(cidr, other.address));
        }
        let Some((at, labels)) = &other.pod else { return false };
        let (spaces, pods) = (&peer["namespaceSelector"], &peer["podSelector"]);
        let here = if spaces.is_null() { at == namespace } else { selected(spaces, &self.namespaces[at]) };
        here && (pods.is_null() || selected(pods, labels))
    }
}

/// Ingress always, unless told otherwise; egress if there is a rule for it.
fn types(spec: &Value) -> Vec<&str> {
    match spec["policyTypes"].as_array() {
        Some(all) => all.iter().filter_map(Value::as_str).collect(),
        None if spec["egress"].is_null() => vec!["Ingress"],
        None => vec!["Ingress", "Egress"],
    }
}

/// An empty selector selects everything; all its parts must hold.
fn selected(selector: &Value, labels: &Labels) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let mut equal = equal.map(|(key, value)| labels.get(key).map(String::as_str) == value.as_str());
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    let mut expressions = expressions.map(|expression| {
        let label = expression["key"].as_str().and_then(|key| labels.get(key));
        let values = expression["values"].as_array().into_iter().flatten();
        let mut values = values.filter_map(Value::as_str);
        match expression["operator"].as_str() {
            Some("In") => label.is_some_and(|label| values.any(|value| value == label)),
            Some("NotIn") => label.is_none_or(|label| values.all(|value| value != label)),
            Some("Exists") => label.is_some(),
            Some("DoesNotExist") => label.is_none(),
            other => panic!("no such operator: {other:?}"),
        }
    });
    equal.all(|it| it) && expressions.all(|it| it)
}

fn is_port(port: &Value, attempt: Try<'_>) -> bool {
    let protocol = port["protocol"].as_str().unwrap_or("TCP");
    let number = |value: &Value| value.as_u64().and_then(|number| u16::try_from(number).ok());
    let fits = match (&port["port"], &port["endPort"]) {
        (Value::Null, _) => true,
        (first, Value::Null) => number(first).expect("ports are numbers here") == attempt.port,
        (first, last) => (number(first).unwrap()..=number(last).unwrap()).contains(&attempt.port),
    };
    protocol == attempt.protocol && fits
}

fn within(cidr: &Value, address: Ipv4Addr) -> bool {
    let (first, prefix) = cidr.as_str().and_then(|cidr| cidr.split_once('/')).expect("an address and a prefix");
    let (first, prefix): (Ipv4Addr, u32) = (first.parse().unwrap(), prefix.parse().unwrap());
    let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
    first.to_bits() & mask == address.to_bits() & mask
}

/// Examples of the documentation's kinds.
#[test]
fn the_evaluator_knows_the_rules() {
    let place = |name: &str, address: &str, pod: Option<(&str, &[(&str, &str)])>| Place {
        name: name.to_owned(),
        address: address.parse().unwrap(),
        pod: pod.map(|(namespace, labels)| {
            let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            (namespace.to_owned(), labels.collect())
        }),
    };
    let db = place("db", "10.42.0.2", Some(("a", &[("role", "db")])));
    let web = place("web", "10.42.0.3", Some(("a", &[("role", "web")])));
    let far = place("far", "10.42.0.4", Some(("b", &[("role", "web")])));
    let lan = place("lan", "172.17.1.7", None);
    let policy = |spec: Value| serde_json::json!({ "metadata": { "namespace": "a" }, "spec": spec });
    let rows = [
        ("no policy", vec![], [true, true, true]),
        ("selected, no rule", vec![policy(serde_json::json!({ "podSelector": {} }))], [false, false, false]),
        (
            "pods of the same namespace",
            vec![policy(serde_json::json!({
                "podSelector": { "matchLabels": { "role": "db" } },
                "ingress": [{ "from": [{ "podSelector": { "matchLabels": { "role": "web" } } }], "ports": [{ "port": 80 }] }]
            }))],
            [true, false, false],
        ),
        (
            "another port",
            vec![policy(serde_json::json!({ "podSelector": {}, "ingress": [{ "ports": [{ "port": 81 }] }] }))],
            [false, false, false],
        ),
        (
            "another protocol",
            vec![policy(
                serde_json::json!({ "podSelector": {}, "ingress": [{ "ports": [{ "port": 80, "protocol": "UDP" }] }] }),
            )],
            [false, false, false],
        ),
        ("everybody", vec![policy(serde_json::json!({ "podSelector": {}, "ingress": [{}] }))], [true, true, true]),
        (
            "namespace and pods",
            vec![policy(serde_json::json!({
                "podSelector": {},
                "ingress": [{ "from": [{
                    "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "b" } },
                    "podSelector": { "matchExpressions": [{ "key": "role", "operator": "In", "values": ["web"] }] }
                }] }]
            }))],
            [false, true, false],
        ),
        (
            "a block with an exception",
            vec![policy(serde_json::json!({
                "podSelector": {},
                "ingress": [{ "from": [{ "ipBlock": { "cidr": "172.17.0.0/16", "except": ["172.17.2.0/24"] } }] }]
            }))],
            [false, false, true],
        ),
        (
            "the exception",
            vec![policy(serde_json::json!({
                "podSelector": {},
                "ingress": [{ "from": [{ "ipBlock": { "cidr": "172.17.0.0/16", "except": ["172.17.1.0/24"] } }] }]
            }))],
            [false, false, false],
        ),
        (
            "egress alone",
            vec![policy(serde_json::json!({ "podSelector": {}, "policyTypes": ["Egress"] }))],
            [false, true, true],
        ),
    ];
    let namespaces = ["a", "b"]
        .map(|name| (name.to_owned(), Labels::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())])));
    for (case, all, wanted) in rows {
        let policies = Policies { all, namespaces: namespaces.clone().into() };
        let found = [&web, &far, &lan].map(|from| policies.allow(Try { from, to: &db, port: 80, protocol: "TCP" }));
        assert_eq!(found, wanted, "{case}");
    }
}
