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
    /// Does it have anything of a cluster's state: a certificate authority, or a database? Only servers do, whether k3s
    /// runs on them or not.
    pub state: bool,
    /// Which cluster it belongs to: the mark of its certificate authority, where that can be read.
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
    if let Some(step) = apart(&servers).or_else(|| founding(machines, nodes)) {
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

/// Servers that belong to two clusters instead of one, whether k3s runs on them or not.
fn apart(servers: &[&Machine]) -> Option<Step> {
    let mut marked = servers.iter().filter(|machine| machine.cluster.is_some());
    let of = marked.next()?;
    let other = marked.find(|machine| machine.cluster != of.cluster)?;
    let why = format!("{} and {} have the state of two clusters apart; see docs/adding-a-node.md", of.name, other.name);
    Some(Step::Blocked { machine: other.name.clone(), why, next: None })
}

/// A server that would begin a cluster if it were started, and may not: another machine has the state of one, or may have
/// it. That another's k3s is down, or that nobody tells which nodes there are, is no sign that there is no cluster.
fn founding(machines: &[Machine], nodes: &[Node]) -> Option<Step> {
    let begins = |it: &&Machine| it.server && it.begins && !it.state && it.unit == Unit::Stopped;
    let first = machines.iter().find(begins)?;
    let name = &first.name;
    let blocked = |why: String, next| Some(Step::Blocked { machine: name.clone(), why, next });
    let others = || machines.iter().filter(|machine| machine.name != *name);
    let known = others().find(|machine| machine.state).map(|machine| &machine.name);
    if let Some(other) = known.or_else(|| nodes.iter().find(|it| it.server && it.name != *name).map(|it| &it.name)) {
        let why = format!(
            "{other} has the state of a cluster in which {name} has no part: started now, {name} would begin another; \
             render and deploy it, so that it joins"
        );
        return blocked(why, Some(format!("deploy {name}")));
    }
    let (other, silent) = others().filter(|it| it.server).find_map(|it| match &it.unit {
        Unit::Away(why) => Some((&it.name, why)),
        Unit::None | Unit::Stopped | Unit::Failed(_) | Unit::Runs => None,
    })?;
    let why = format!(
        "started now, {name} would begin a cluster, and {other}, which may have the state of one, does not answer: \
         {silent}\n  if you know that there is none: on {name}, sudo systemctl start k3s"
    );
    blocked(why, None)
}

#[cfg(test)]
mod tests {
    use super::{Machine, Step, Unit, next};
    use crate::clustering::nodes::Node;
    use proptest::prelude::*;

    fn machine(name: &str, server: bool, unit: Unit, cluster: Option<&str>) -> Machine {
        let begins = server && name == "a";
        Machine {
            name: name.into(),
            server,
            unit,
            state: cluster.is_some(),
            cluster: cluster.map(str::to_owned),
            begins,
        }
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

    /// Whatever state another's k3s is in, and whatever is told of the nodes.
    #[test]
    fn nobody_founds_a_cluster_beside_one_that_is_there() {
        use Unit::{Away, Failed, None as No, Runs, Stopped};
        let joins = Some("deploy a".to_owned());
        let lists = [
            ("nobody tells the nodes", vec![]),
            ("only its own node is told", vec![node("a", true, true)]),
            ("the other is ready", vec![node("a", true, false), node("b", true, true)]),
            ("the other is not ready", vec![node("b", true, false)]),
            ("an agent is told", vec![node("w", false, true)]),
        ];
        for unit in [Away("no route".into()), No, Stopped, Failed("etcd".into()), Runs] {
            for mark in [None, Some("x")].into_iter().filter(|mark| mark.is_none() || !matches!(unit, Away(_))) {
                for (told, nodes) in &lists {
                    let case = format!("b {unit:?}, its mark {mark:?}, {told}");
                    let b = machine("b", true, unit.clone(), mark);
                    let all = [machine("a", true, Stopped, None), b, machine("w", false, Stopped, None)];
                    let found = next(&all, nodes);
                    let listed = nodes.iter().any(|node| node.name == "b");
                    match (&found, mark.is_some() || listed, &unit) {
                        (Step::Blocked { machine, why, next }, true, _) => {
                            let said =
                                why.contains("b has the state of a cluster") && why.contains("would begin another");
                            assert!(machine == "a" && said && *next == joins, "{case}: {found:?}");
                        }
                        (Step::Blocked { machine, why, .. }, false, Away(_)) => {
                            assert!(machine == "a" && why.contains("b, which may have"), "{case}: {found:?}");
                        }
                        (Step::Start(name), false, No | Stopped | Failed(_) | Runs) => assert_eq!(name, "a", "{case}"),
                        _ => panic!("{case}: {found:?}"),
                    }
                    // It has its part already, or is told of another: it begins nothing.
                    let mut kept = all.clone();
                    (kept[0].state, kept[0].cluster) = (true, mark.map(str::to_owned));
                    assert_eq!(next(&kept, nodes), Step::Start("a".into()), "{case}, and a has its part");
                    let mut joining = all;
                    joining[0].begins = false;
                    assert_eq!(next(&joining, nodes), Step::Start("a".into()), "{case}, and a joins");
                }
            }
        }
        // A mark that cannot be read is one.
        let mut ill = [machine("a", true, Stopped, None), machine("b", true, Stopped, None)];
        ill[1].state = true;
        assert!(shown(&next(&ill, &[])).contains("would begin another"));
    }

    #[test]
    fn servers_with_two_marks_are_two_clusters_whether_they_run_or_not() {
        for unit in [Unit::None, Unit::Stopped, Unit::Failed(String::new()), Unit::Runs] {
            let all = [machine("a", true, Unit::Runs, Some("y")), machine("b", true, unit, Some("x"))];
            assert!(shown(&next(&all, &[])).contains("blocked b: a and b have the state of two clusters"), "{all:?}");
        }
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
