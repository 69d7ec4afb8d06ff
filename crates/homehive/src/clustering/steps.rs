//! What comes next on the way to a whole cluster. Pure: from what the machines and the cluster say of themselves.

use super::nodes::Node;

/// k3s on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The machine does not answer, and why.
    Away(String),
    /// There is no k3s on it.
    None,
    /// It does not run.
    Stopped,
    /// It failed, and what it said last.
    Failed(String),
    /// It runs, or is about to.
    Runs,
}

/// A machine that belongs to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Is it a server, by the fleet?
    pub server: bool,
    /// k3s on it.
    pub unit: Unit,
    /// Which cluster it belongs to: the mark of its certificate authority; only servers know.
    pub cluster: Option<String>,
    /// Would k3s begin a cluster on it, where it has no part in one yet?
    pub begins: bool,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// k3s is started on this machine.
    Start(String),
    /// This machine is waited for, and until what.
    Await(String, &'static str),
    /// Nothing can go on, why, and what to do.
    Blocked {
        /// Which machine.
        machine: String,
        /// Why.
        why: String,
        /// The verb of homehive to type next, if there is one.
        next: Option<String>,
    },
    /// Every machine is a healthy node.
    Done,
}

/// What comes next: the first machine of `machines`, which are in the order in which they join, that is not a healthy
/// node decides. So the second server begins only once the first is ready, and an agent once all servers are.
pub fn next(machines: &[Machine], nodes: &[Node]) -> Step {
    let servers: Vec<&Machine> = machines.iter().filter(|machine| machine.server).collect();
    if let Some(step) = apart(&servers, nodes) {
        return step;
    }
    for machine in machines {
        let blocked = |why: String, next: Option<String>| Step::Blocked { machine: machine.name.clone(), why, next };
        let name = &machine.name;
        match &machine.unit {
            Unit::Away(why) => return blocked(format!("it does not answer: {why}"), None),
            Unit::None => return blocked("there is no k3s on it".into(), Some(format!("deploy {name}"))),
            Unit::Failed(said) => {
                let logs = format!("its own words, on it: journalctl --unit k3s; the last: {said}");
                return blocked(format!("k3s failed on it; {logs}"), Some("cluster up".into()));
            }
            Unit::Stopped => return Step::Start(name.clone()),
            Unit::Runs => {}
        }
        let wait = |until| Step::Await(name.clone(), until);
        let Some(node) = nodes.iter().find(|node| node.name == *name) else { return wait("is a node of the cluster") };
        if machine.server && servers.len() > 1 && !node.member {
            return wait("is a member of etcd");
        }
        if !node.ready {
            return wait("is ready");
        }
    }
    Step::Done
}

/// Servers that are about to become, or are, two clusters instead of one.
fn apart(servers: &[&Machine], nodes: &[Node]) -> Option<Step> {
    let known = |machine: &&&Machine| machine.cluster.is_some() && machine.unit == Unit::Runs;
    let of = servers.iter().find(known)?;
    let other = servers.iter().filter(known).find(|machine| machine.cluster != of.cluster);
    let blocked =
        |machine: &Machine, why: String| Some(Step::Blocked { machine: machine.name.clone(), why, next: None });
    if let Some(other) = other {
        let why = format!("{} and {} run two clusters apart; see docs/adding-a-node.md", of.name, other.name);
        return blocked(other, why);
    }
    let first = servers.iter().find(|it| it.begins && it.cluster.is_none() && it.unit == Unit::Stopped)?;
    if nodes.iter().any(|node| node.server && node.ready && node.name != first.name) {
        let why = format!(
            "{} runs a cluster, and {} has lost its part in it: started now it would begin another; render and \
             deploy it, so that it joins",
            of.name, first.name
        );
        let next = Some(format!("deploy {}", first.name));
        return Some(Step::Blocked { machine: first.name.clone(), why, next });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Machine, Step, Unit, next};
    use crate::clustering::nodes::Node;
    use proptest::prelude::*;

    fn machine(name: &str, server: bool, unit: Unit, cluster: Option<&str>) -> Machine {
        let begins = server && name == "a";
        Machine { name: name.into(), server, unit, cluster: cluster.map(str::to_owned), begins }
    }

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

    fn shown(step: &Step) -> String {
        match step {
            Step::Start(name) => format!("start {name}"),
            Step::Await(name, until) => format!("await {name} {until}"),
            Step::Blocked { machine, why, .. } => format!("blocked {machine}: {why}"),
            Step::Done => "done".into(),
        }
    }

    #[test]
    fn three_servers_and_an_agent_in_order() {
        use Unit::{Away, Failed, None as No, Runs, Stopped};
        let four = |units: [Unit; 4]| {
            let names = [("a", true), ("b", true), ("c", true), ("w", false)];
            let marks = units.clone().map(|unit| (unit == Runs).then_some("x"));
            let each = names.iter().zip(units).zip(marks);
            each.map(|(((name, server), unit), mark)| machine(name, *server, unit, mark.filter(|_| *server)))
                .collect::<Vec<_>>()
        };
        let mut joining = node("b", true, true);
        joining.member = false;
        let ab = || vec![node("a", true, true), node("b", true, true)];
        for (case, units, nodes, expected) in [
            ("all off", [Stopped, Stopped, Stopped, Stopped], vec![], "start a"),
            ("the first begins", [Runs, Stopped, Stopped, Stopped], vec![], "await a is a node of the cluster"),
            ("and comes up", [Runs, Stopped, Stopped, Stopped], vec![node("a", true, false)], "await a is ready"),
            ("the second", [Runs, Stopped, Stopped, Stopped], vec![node("a", true, true)], "start b"),
            (
                "joins etcd",
                [Runs, Runs, Stopped, Stopped],
                vec![node("a", true, true), joining],
                "await b is a member of etcd",
            ),
            ("the third", [Runs, Runs, Stopped, Stopped], ab(), "start c"),
            ("the agent", [Runs, Runs, Runs, Stopped], [ab(), vec![node("c", true, true)]].concat(), "start w"),
            (
                "all there",
                [Runs, Runs, Runs, Runs],
                [ab(), vec![node("c", true, true), node("w", false, true)]].concat(),
                "done",
            ),
            (
                "away",
                [Runs, Away("no route".into()), Stopped, Stopped],
                vec![node("a", true, true)],
                "blocked b: it does not answer: no route",
            ),
            (
                "not deployed",
                [Runs, Runs, Runs, No],
                [ab(), vec![node("c", true, true)]].concat(),
                "blocked w: there is no k3s on it",
            ),
            (
                "failed",
                [Failed("bad token".into()), Stopped, Stopped, Stopped],
                vec![],
                "blocked a: k3s failed on it; its own words, on it: journalctl --unit k3s; the last: bad token",
            ),
        ] {
            assert_eq!(shown(&next(&four(units), &nodes)), expected, "{case}");
        }
    }

    #[test]
    fn one_server_needs_no_etcd() {
        let mut alone = node("nas", true, true);
        alone.member = false;
        assert_eq!(next(&[machine("nas", true, Unit::Runs, Some("x"))], &[alone]), Step::Done);
    }

    #[test]
    fn two_clusters_are_never_made_of_one() {
        let lost = [
            machine("a", true, Unit::Stopped, None),
            machine("b", true, Unit::Runs, Some("x")),
            machine("c", true, Unit::Runs, Some("x")),
        ];
        let nodes = [node("a", true, false), node("b", true, true), node("c", true, true)];
        assert!(shown(&next(&lost, &nodes)).contains("would begin another"));
        let mut joins = lost.clone();
        joins[0].begins = false;
        assert_eq!(next(&joins, &nodes), Step::Start("a".into()), "rendered so that it joins");
        let apart = [
            machine("a", true, Unit::Runs, Some("y")),
            machine("b", true, Unit::Runs, Some("x")),
            machine("c", true, Unit::Runs, Some("x")),
        ];
        assert!(shown(&next(&apart, &[])).contains("two clusters apart"));
        let kept = [machine("a", true, Unit::Stopped, Some("x")), lost[1].clone(), lost[2].clone()];
        assert_eq!(next(&kept, &nodes), Step::Start("a".into()));
    }

    proptest! {
        /// Whatever is seen: nobody is started before all that join earlier are ready nodes.
        #[test]
        fn never_out_of_order(
            runs in prop::collection::vec(any::<bool>(), 1..6),
            ready in prop::collection::vec(any::<bool>(), 6),
            servers in 1_usize..4,
        ) {
            let machines: Vec<Machine> = runs.iter().enumerate().map(|(at, runs)| {
                let unit = if *runs { Unit::Runs } else { Unit::Stopped };
                machine(&format!("m{at}"), at < servers, unit, Some("x"))
            }).collect();
            let nodes: Vec<Node> = (0..runs.len()).map(|at| node(&format!("m{at}"), at < servers, ready[at])).collect();
            match next(&machines, &nodes) {
                Step::Start(name) => {
                    let at = machines.iter().position(|machine| machine.name == name).unwrap();
                    prop_assert!(!runs[at] && (0..at).all(|earlier| runs[earlier] && ready[earlier]));
                }
                Step::Done => prop_assert!((0..runs.len()).all(|at| runs[at] && ready[at])),
                _ => {}
            }
        }
    }
}
