//! The nodes of a cluster as it sees them. Pure: read from `kubectl get nodes --output json`, or from the API.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, told by the cluster")]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Does it run the cluster's API?
    pub server: bool,
    /// Is it a member of etcd? A single server keeps the cluster's state in `SQLite`, and is none.
    pub member: bool,
    /// Is it ready?
    pub ready: bool,
    /// Is it closed to new pods?
    pub cordoned: bool,
    /// The version of its kubelet.
    pub version: String,
    /// Its address in the LAN.
    pub address: Option<String>,
    /// Has etcd let it go, as was asked for?
    pub left_etcd: bool,
}

impl Node {
    /// For people.
    pub fn text(&self) -> String {
        let part = match (self.server, self.member) {
            (true, true) => "server, etcd",
            (true, false) => "server",
            (false, _) => "agent",
        };
        let state = match (self.ready, self.cordoned) {
            (true, false) => "ready",
            (true, true) => "ready, closed to new pods",
            (false, _) => "not ready",
        };
        let address = self.address.as_deref().unwrap_or("no address");
        format!("node {}: {state}, {part}, {}, {address}\n", self.name, self.version)
    }
}

/// The nodes in a list of objects.
pub fn nodes(items: &[Value]) -> Vec<Node> {
    items.iter().filter_map(node).collect()
}

/// The nodes in what `kubectl get nodes --output json` prints.
pub fn printed(text: &str) -> Option<Vec<Node>> {
    let list: Value = serde_json::from_str(text).ok()?;
    Some(nodes(list["items"].as_array()?))
}

fn node(item: &Value) -> Option<Node> {
    let labels = item["metadata"]["labels"].as_object();
    let has = |label: &str| labels.is_some_and(|labels| labels.contains_key(label));
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let address = list(&item["status"]["addresses"]).into_iter().find(|it| it["type"] == "InternalIP");
    let member = has("node-role.kubernetes.io/etcd");
    let left = item["metadata"]["annotations"]["etcd.k3s.cattle.io/removed-node-name"].as_str();
    Some(Node {
        name: item["metadata"]["name"].as_str()?.to_owned(),
        server: member || has("node-role.kubernetes.io/control-plane"),
        member,
        ready: list(&item["status"]["conditions"]).iter().any(|it| it["type"] == "Ready" && it["status"] == "True"),
        cordoned: item["spec"]["unschedulable"] == true,
        version: item["status"]["nodeInfo"]["kubeletVersion"].as_str().unwrap_or_default().to_owned(),
        address: address.and_then(|it| it["address"].as_str().map(str::to_owned)),
        left_etcd: left.is_some_and(|name| !name.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Node, printed};

    #[test]
    fn what_kubectl_prints() {
        let text = r#"{"items": [{"metadata": {"name": "hive1", "labels": {"node-role.kubernetes.io/control-plane": "true",
            "node-role.kubernetes.io/etcd": "true"}}, "spec": {"unschedulable": true}, "status": {
            "addresses": [{"type": "Hostname", "address": "hive1"}, {"type": "InternalIP", "address": "192.168.1.11"}],
            "conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.36.1+k3s1"}}},
            {"metadata": {"name": "worker"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}]}"#;
        let expected = Node {
            name: "hive1".into(),
            server: true,
            member: true,
            ready: true,
            cordoned: true,
            version: "v1.36.1+k3s1".into(),
            address: Some("192.168.1.11".into()),
            left_etcd: false,
        };
        let found = printed(text).unwrap();
        assert_eq!(found[0], expected);
        assert!(!found[1].server && !found[1].ready);
        assert_eq!(printed("error: no route to host"), None);
    }
}
