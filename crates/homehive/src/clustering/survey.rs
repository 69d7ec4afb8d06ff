//! Looking at the cluster's machines, all at once: does k3s run on them, and which nodes does the cluster have?

use super::nodes::{Node, printed};
use super::steps::{Machine, Step, Unit, next};
use crate::load::Loaded;
use crate::reach;
use crate::verbs::Context;
use cmd::Cmd;
use fleet::{HostName, Role};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::time::Duration;

const ASK: Duration = Duration::from_mins(1);
const SCRIPT: &str = include_str!("survey.sh");

/// What was seen.
#[derive(Debug)]
pub struct Survey {
    /// The fleet's machines that belong to the cluster, in the order in which they join.
    pub machines: Vec<Machine>,
    /// The nodes that the cluster has; none where no server answers.
    pub nodes: Vec<Node>,
    /// The ways to the machines that answer.
    pub doors: BTreeMap<String, machine::Machine>,
}

impl Survey {
    /// Is every machine of the cluster a healthy node?
    pub fn whole(&self) -> bool {
        next(&self.machines, &self.nodes) == Step::Done
    }
}

/// The machines of the cluster in the order in which they join: the first server, the other servers, agents.
pub fn order(loaded: &Loaded) -> Vec<(HostName, Role)> {
    let mut all: Vec<(HostName, Role)> =
        loaded.fleet.machines.iter().map(|(name, machine)| (name.clone(), machine.role)).collect();
    all.retain(|(_, role)| !role.is_none());
    all.sort_by_key(|(_, role)| *role != Role::K3sServer);
    all
}

/// Looks at all of them; `doors` are the ways that are known already.
pub async fn look(context: &Context, loaded: &Loaded, mut doors: BTreeMap<String, machine::Machine>) -> Survey {
    let order = order(loaded);
    let mut away = BTreeMap::new();
    let missing = order.iter().filter(|(name, _)| !doors.contains_key(name.as_ref()));
    let met = missing.map(async |(name, _)| (name, reach::reach(loaded, name, None, &context.story).await));
    for (name, reached) in join_all(met).await {
        match reached {
            Ok(reached) if reached.system == reach::System::Installer => {
                let install = context.again(&format!("install {name}"));
                away.insert(name.to_string(), format!("the installer runs there; install it: {install}"));
            }
            Ok(reached) => drop(doors.insert(name.to_string(), reached.machine)),
            Err(failure) => drop(away.insert(name.to_string(), first_line(&failure.to_string()))),
        }
    }
    let asked = order.iter().map(async |(name, role)| {
        let said = match doors.get(name.as_ref()) {
            None => Err(away.get(name.as_ref()).cloned().unwrap_or_default()),
            Some(door) => match door.ask_script(SCRIPT, ASK).await {
                Ok(said) if said.status == 0 => Ok(said.stdout),
                Ok(said) => {
                    Err(format!("looking at its k3s ended with status {}: {}", said.status, said.stderr.trim()))
                }
                Err(error) => Err(error.to_string()),
            },
        };
        machine(name, *role, said)
    });
    let machines: Vec<Machine> = join_all(asked).await;
    let mut seen = Vec::new();
    for machine in machines.iter().filter(|it| it.server && it.unit == Unit::Runs) {
        let words = Cmd::new("k3s").args(["kubectl", "get", "nodes", "--output", "json"]);
        let Some(door) = doors.get(&machine.name) else { continue };
        if let Some(nodes) = door.ask(&words, ASK).await.ok().and_then(|said| printed(&said.stdout)) {
            seen = nodes;
            break;
        }
    }
    // A connection that is broken is made anew the next time.
    doors.retain(|name, _| !machines.iter().any(|it| it.name == *name && matches!(it.unit, Unit::Away(_))));
    Survey { machines, nodes: seen, doors }
}

fn first_line(text: &str) -> String {
    let text = text.strip_prefix("failed: ").unwrap_or(text);
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// A machine as the script described it, or why it did not.
fn machine(name: &HostName, role: Role, said: Result<String, String>) -> Machine {
    let server = role == Role::K3sServer;
    let name = name.to_string();
    let said = match said {
        Ok(said) => said,
        Err(why) => return Machine { name, server, unit: Unit::Away(why), state: false, cluster: None, begins: false },
    };
    let line = |word: &str| said.lines().find_map(|line| line.strip_prefix(word)).map(|rest| rest.trim().to_owned());
    let last = || said.lines().filter_map(|line| line.strip_prefix("said ")).next_back().unwrap_or_default().to_owned();
    let unit = match (line("k3s ").as_deref(), line("unit ").as_deref()) {
        (Some("none"), _) => Unit::None,
        (Some("there"), Some("active" | "activating" | "reloading")) => Unit::Runs,
        (Some("there"), Some("failed")) => Unit::Failed(last()),
        (Some("there"), _) => Unit::Stopped,
        _ => Unit::Away("it does not say whether there is a k3s on it".to_owned()),
    };
    let has = |word: &str| said.lines().any(|line| line == word);
    Machine { name, server, unit, state: has("state"), cluster: line("cluster "), begins: has("begins") }
}

#[cfg(test)]
mod tests {
    use super::machine;
    use crate::clustering::steps::Unit;
    use fleet::Role;

    #[test]
    fn what_a_machine_says() {
        for (said, unit, state, cluster) in [
            ("k3s none\n", Unit::None, false, None),
            ("state\ncluster abc\nk3s none\n", Unit::None, true, Some("abc")),
            ("state\ncluster abc\nk3s there\nunit active\n", Unit::Runs, true, Some("abc")),
            ("k3s there\nunit activating\nsaid state\n", Unit::Runs, false, None),
            ("k3s there\nunit inactive\nbegins\n", Unit::Stopped, false, None),
            ("state\nk3s there\nunit failed\nsaid a\nsaid b\n", Unit::Failed("b".into()), true, None),
            ("", Unit::Away("it does not say whether there is a k3s on it".into()), false, None),
        ] {
            let found = machine(&"one".parse().unwrap(), Role::K3sServer, Ok(said.to_owned()));
            let wanted = (unit, state, cluster.map(str::to_owned), said.contains("begins"));
            assert_eq!((found.unit, found.state, found.cluster, found.begins), wanted, "{said}");
        }
        let found = machine(&"one".parse().unwrap(), Role::K3sAgent, Err("no route".into()));
        assert_eq!((found.unit, found.server), (Unit::Away("no route".into()), false));
    }
}
