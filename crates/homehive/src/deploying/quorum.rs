//! May this node of the cluster go down now? Pure: read from what `kubectl get nodes --output json` prints.

use serde_json::Value;

/// A node of the cluster, as the cluster sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Does it run the cluster's API, and etcd?
    pub server: bool,
    /// Is it ready?
    pub ready: bool,
    /// Is it closed to new pods?
    pub cordoned: bool,
}

/// The nodes in what `kubectl get nodes --output json` prints.
pub fn nodes(text: &str) -> Option<Vec<Node>> {
    let all: Value = serde_json::from_str(text).ok()?;
    let read = |item: &Value| {
        let labels = item["metadata"]["labels"].as_object();
        let has = |label: &str| labels.is_some_and(|labels| labels.contains_key(label));
        let conditions = item["status"]["conditions"].as_array().into_iter().flatten();
        Some(Node {
            name: item["metadata"]["name"].as_str()?.to_owned(),
            server: has("node-role.kubernetes.io/control-plane") || has("node-role.kubernetes.io/etcd"),
            ready: conditions.into_iter().any(|it| it["type"] == "Ready" && it["status"] == "True"),
            cordoned: item["spec"]["unschedulable"] == true,
        })
    };
    all["items"].as_array()?.iter().map(read).collect()
}

/// Why `name` may not go down; nothing if it may. `declared` is how many servers the fleet has: those that the cluster
/// does not know of are as good as down.
///
/// The members of etcd agree while more than half of them are there (etcd documentation, "Failure tolerance"). A cluster
/// of one server has no others to agree with: it is away while that one starts.
pub fn may_go_down(nodes: &[Node], name: &str, declared: usize) -> Result<(), String> {
    let servers: Vec<&Node> = nodes.iter().filter(|node| node.server).collect();
    let Some(node) = nodes.iter().find(|node| node.name == name) else {
        return Err(format!("the cluster has no node `{name}`"));
    };
    let others = || servers.iter().filter(|other| other.name != name);
    if !node.server {
        // An agent takes no part in etcd; but pods can go nowhere while the cluster cannot say where.
        return match others().find(|other| !other.ready) {
            Some(broken) => Err(format!("the server {} is not ready", broken.name)),
            None => Ok(()),
        };
    }
    let members = servers.len().max(declared);
    if members == 1 {
        return Ok(());
    }
    if let Some(broken) = others().find(|other| !other.ready) {
        return Err(format!(
            "the server {} is not ready, and with {name} down etcd could lose its quorum",
            broken.name
        ));
    }
    let (left, quorum) = (others().count(), members / 2 + 1);
    if left < quorum {
        return Err(format!("{left} of {members} servers would be left, and etcd needs {quorum}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Node, may_go_down, nodes};
    use proptest::prelude::*;

    fn node(name: &str, server: bool, ready: bool) -> Node {
        Node { name: name.to_owned(), server, ready, cordoned: false }
    }

    #[test]
    fn what_kubectl_prints_is_read() {
        let text = r#"{"items": [
            {"metadata": {"name": "a", "labels": {"node-role.kubernetes.io/control-plane": "true"}}, "spec": {},
             "status": {"conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}]}},
            {"metadata": {"name": "b", "labels": {"x": "y"}}, "spec": {"unschedulable": true},
             "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}]}"#;
        let mut b = node("b", false, false);
        b.cordoned = true;
        assert_eq!(nodes(text), Some(vec![node("a", true, true), b]));
        assert_eq!(nodes("error: connection refused"), None);
    }

    #[test]
    fn quorum_is_kept() {
        let three = |ready: [bool; 3]| {
            vec![
                node("a", true, ready[0]),
                node("b", true, ready[1]),
                node("c", true, ready[2]),
                node("w", false, true),
            ]
        };
        for (case, nodes, name, declared, good) in [
            ("three well", three([true; 3]), "a", 3, true),
            ("another is down", three([true, false, true]), "a", 3, false),
            ("the one that is down itself", three([false, true, true]), "a", 3, true),
            ("one never joined", three([true; 3])[1..].to_vec(), "b", 3, false),
            ("two servers", three([true; 3])[1..].to_vec(), "b", 2, false),
            ("one server", vec![node("a", true, true)], "a", 1, true),
            ("an agent", three([true; 3]), "w", 3, true),
            ("an agent while a server is down", three([true, true, false]), "w", 3, false),
            ("nobody knows it", three([true; 3]), "z", 3, false),
        ] {
            assert_eq!(may_go_down(&nodes, name, declared).is_ok(), good, "{case}");
        }
    }

    proptest! {
        /// Whoever may go down: what is left is ready, and more than half.
        #[test]
        fn what_is_left_agrees(ready in prop::collection::vec(any::<bool>(), 2..8), down in 0_usize..8) {
            let down = down % ready.len();
            let all: Vec<Node> = ready.iter().enumerate().map(|(at, ready)| node(&format!("s{at}"), true, *ready)).collect();
            if may_go_down(&all, &format!("s{down}"), all.len()).is_ok() {
                let left = ready.iter().enumerate().filter(|(at, ready)| *at != down && **ready).count();
                prop_assert!(left * 2 > ready.len());
            }
        }
    }
}
