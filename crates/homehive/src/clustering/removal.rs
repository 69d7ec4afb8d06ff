//! May a node leave the cluster, and by which steps? Pure: from the fleet, and from the nodes that the cluster has.

use super::nodes::Node;
use fleet::Fleet;

/// A step by which a node leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Leave {
    /// Its pods are moved to other nodes.
    Drain,
    /// etcd lets it go.
    QuitEtcd,
    /// k3s is stopped on it.
    Stop,
    /// The cluster forgets it.
    Delete,
}

impl Leave {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Drain => "move its pods to other nodes",
            Self::QuitEtcd => "take it out of etcd",
            Self::Stop => "stop k3s on it",
            Self::Delete => "delete it from the cluster",
        }
    }
}

/// What is known of the machine whose node leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It answers, so that k3s on it can be stopped.
    Answers,
    /// It does not.
    Silent {
        /// Why.
        why: String,
        /// What to type if it is dead.
        dead: String,
    },
    /// It does not, and somebody has said that it is dead.
    Dead,
    /// Somebody has said that it is dead, and it answers.
    Alive,
}

/// The steps by which `name` leaves. A node whose k3s still runs would come back: so that is stopped before the cluster
/// forgets it, or somebody has said that its machine is dead, and the cluster does not hear of it either.
///
/// The members of etcd agree while more than half of them are there (etcd documentation, "Failure tolerance"); one that is
/// taken out in good order no longer counts. So all others must be well before, and the one that goes need not be.
///
/// # Errors
/// Why it may not leave now.
pub fn leave(fleet: &Fleet, nodes: &[Node], name: &str, found: &Found) -> Result<Vec<Leave>, String> {
    let Some(node) = nodes.iter().find(|node| node.name == name) else {
        let known = nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(format!("the cluster has no node {name}; its nodes: {known}"));
    };
    let shares = fleet.shares.iter().filter(|(_, share)| share.machine.as_ref() == name);
    let shares: Vec<String> = shares.map(|(share, _)| share.to_string()).collect();
    if !shares.is_empty() {
        let shares = shares.join(", ");
        return Err(format!(
            "what it holds is found on it alone: shares {shares}; take them out of the fleet file first, or move them by the \
             steps of docs/shares.md, \"Moving a share\", and apply that"
        ));
    }
    if fleet.monitoring_machine().is_some_and(|machine| machine.as_ref() == name) {
        return Err(
            "what monitoring has measured lies on it: take [monitoring] out of the fleet file first, or move it by the steps of \
             docs/monitoring.md, \"Moving it\", and apply that"
                .into()
        );
    }
    let others: Vec<&Node> = nodes.iter().filter(|node| node.name != name).collect();
    let servers: Vec<&&Node> = others.iter().filter(|node| node.server).collect();
    if servers.is_empty() {
        return Err("it is the only server: without it there is no cluster".into());
    }
    if let Some(broken) = servers.iter().find(|node| !node.ready) {
        return Err(format!("the server {} is not ready: mend that first, or etcd could lose its quorum", broken.name));
    }
    match found {
        Found::Alive => return Err("it answers, and is not dead: leave out --dead".into()),
        Found::Silent { why, dead } => {
            return Err(format!(
                "k3s on it cannot be stopped, and would bring it back, for it does not answer: {why}\n  mend that first, \
                 or say that it is dead: {dead}"
            ));
        }
        Found::Dead if node.ready => {
            let why = "it is ready, so that k3s runs on it, and is not dead: stop k3s there, or switch it off; a minute later \
                       the cluster knows";
            return Err(why.into());
        }
        Found::Answers | Found::Dead => {}
    }
    // Nothing moves to where nothing may run.
    let room = others.iter().any(|node| node.ready && !node.cordoned);
    let mut steps = Vec::new();
    if !node.left_etcd && node.ready {
        if !room {
            return Err("there is no other node that is ready and open: its pods could go nowhere".into());
        }
        steps.push(Leave::Drain);
    }
    if node.member && !node.left_etcd {
        steps.push(Leave::QuitEtcd);
    }
    if *found == Found::Answers {
        steps.push(Leave::Stop);
    }
    steps.push(Leave::Delete);
    Ok(steps)
}

/// What remains to be done by hand once `name` has left.
pub fn remains(fleet: &Fleet, nodes: &[Node], name: &str, found: &Found) -> Vec<String> {
    let mut all = Vec::new();
    if *found == Found::Dead {
        all.push(format!("k3s on {name} was not stopped: should the machine start again, it joins again"));
    }
    if fleet.machines.keys().any(|machine| machine.as_ref() == name) {
        all.push(format!(
            "in the fleet file, take [machines.{name}] out or give it role = \"none\"; then render and deploy, or it joins \
             again when it restarts"
        ));
    }
    let servers = nodes.iter().filter(|node| node.server && node.name != name).count();
    if servers.is_multiple_of(2) && servers > 0 {
        all.push(format!(
            "{servers} servers are left, which is no better than {}: add one, or remove another",
            servers - 1
        ));
    }
    all.push(format!(
        "what k3s kept on {name} stays there, in /var/lib/rancher/k3s, until it is deleted or reinstalled"
    ));
    all
}

#[cfg(test)]
mod tests {
    use super::{Found, Leave, leave, remains};
    use crate::clustering::nodes::Node;
    use fleet::{Fleet, Format};
    use proptest::prelude::*;

    fn node(name: &str, server: bool, ready: bool) -> Node {
        Node {
            name: name.into(),
            server,
            member: server,
            ready,
            cordoned: false,
            version: String::new(),
            address: None,
            left_etcd: false,
        }
    }

    fn example() -> Fleet {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cluster/fleet.toml");
        Fleet::parse(&std::fs::read_to_string(path).unwrap(), path, Format::Toml).unwrap()
    }

    static FLEET: std::sync::LazyLock<Fleet> = std::sync::LazyLock::new(example);

    fn nodes(ready: [bool; 5]) -> Vec<Node> {
        let names = [("hive1", true), ("hive2", true), ("hive3", true), ("worker", false), ("nas", false)];
        names.iter().zip(ready).map(|((name, server), ready)| node(name, *server, ready)).collect()
    }

    #[test]
    fn who_may_leave() {
        use Leave::{Delete, Drain, QuitEtcd, Stop};
        let fleet = example();
        for (case, all, name, expected) in [
            ("an agent", nodes([true; 5]), "worker", Ok(vec![Drain, Stop, Delete])),
            ("a server", nodes([true; 5]), "hive2", Ok(vec![Drain, QuitEtcd, Stop, Delete])),
            ("a dead server", nodes([true, false, true, true, true]), "hive2", Ok(vec![QuitEtcd, Stop, Delete])),
            ("a dead agent", nodes([true, true, true, false, true]), "worker", Ok(vec![Stop, Delete])),
            ("another is down", nodes([true, false, true, true, true]), "hive1", Err("hive2 is not ready")),
            (
                "an agent while a server is down",
                nodes([true, false, true, true, true]),
                "worker",
                Err("hive2 is not ready"),
            ),
            ("it has shares", nodes([true; 5]), "nas", Err("shares")),
            ("nobody knows it", nodes([true; 5]), "hive9", Err("no node hive9")),
            (
                "the only server",
                vec![node("hive1", true, true), node("worker", false, true)],
                "hive1",
                Err("only server"),
            ),
        ] {
            match (leave(&fleet, &all, name, &Found::Answers), expected) {
                (Ok(steps), Ok(expected)) => assert_eq!(steps, expected, "{case}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{case}: {why}"),
                (found, expected) => panic!("{case}: {found:?} and not {expected:?}"),
            }
        }
        // Cut after etcd let it go: what is left is done.
        let mut cut = nodes([true; 5]);
        cut[1].left_etcd = true;
        assert_eq!(leave(&fleet, &cut, "hive2", &Found::Answers).unwrap(), [Stop, Delete]);
        // Its pods could go nowhere.
        let mut closed = nodes([true; 5]);
        for node in &mut closed {
            node.cordoned = true;
        }
        assert!(leave(&fleet, &closed, "worker", &Found::Answers).unwrap_err().contains("nowhere"));
    }

    /// k3s is known to have stopped before the cluster forgets a node.
    #[test]
    fn who_does_not_answer_leaves_only_if_it_is_said_to_be_dead() {
        use Leave::{Delete, QuitEtcd};
        let fleet = example();
        let silent = Found::Silent { why: "no route".into(), dead: "homehive cluster remove it --dead".into() };
        let (server, agent) = ([true, false, true, true, true], [true, true, true, false, true]);
        for (case, ready, name, found, expected) in [
            ("a server is silent", server, "hive2", &silent, Err("does not answer: no route")),
            ("what to type is said", server, "hive2", &silent, Err("dead: homehive cluster remove it --dead")),
            ("a dead server", server, "hive2", &Found::Dead, Ok(vec![QuitEtcd, Delete])),
            ("a dead agent", agent, "worker", &Found::Dead, Ok(vec![Delete])),
            ("silent, and the cluster hears of it", [true; 5], "worker", &silent, Err("does not answer")),
            ("dead, and the cluster hears of it", [true; 5], "worker", &Found::Dead, Err("it is ready")),
            ("dead, and it answers", agent, "worker", &Found::Alive, Err("leave out --dead")),
        ] {
            match (leave(&fleet, &nodes(ready), name, found), expected) {
                (Ok(steps), Ok(expected)) => assert_eq!(steps, expected, "{case}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{case}: {why}"),
                (found, expected) => panic!("{case}: {found:?} and not {expected:?}"),
            }
        }
    }

    #[test]
    fn what_remains() {
        let text = remains(&example(), &nodes([true; 5]), "hive2", &Found::Answers).join("\n");
        assert!(text.contains("[machines.hive2]") && text.contains("2 servers are left"), "{text}");
        let text = remains(&example(), &nodes([true; 5]), "worker", &Found::Dead).join("\n");
        assert!(!text.contains("servers are left") && text.contains("k3s on worker was not stopped"), "{text}");
    }

    proptest! {
        /// Whoever leaves: every server that is left is ready, so that etcd agrees with and without the one that goes.
        #[test]
        fn what_is_left_agrees(ready in prop::collection::vec(any::<bool>(), 1..8), gone in 0_usize..8) {
            let gone = gone % ready.len();
            let all: Vec<Node> = ready.iter().enumerate().map(|(at, ready)| node(&format!("s{at}"), true, *ready)).collect();
            if leave(&FLEET, &all, &format!("s{gone}"), &Found::Answers).is_ok() {
                prop_assert!(ready.iter().enumerate().all(|(at, ready)| at == gone || *ready) && ready.len() > 1);
            }
        }
    }
}
