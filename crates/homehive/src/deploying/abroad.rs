//! Building on the machines themselves: evaluated here, copied as derivations, built there. For machines that are quicker
//! than this one, of another architecture, or behind a line that carries sources better than systems.

use super::meet::Met;
use super::report::State;
use crate::building::{self, Order};
use crate::failure::Failure;
use cmd::Cmd;
use fleet::HostName;
use futures_util::future::join_all;
use machine::copy::{self, Target};
use machine::{Machine, RunError, run_local};
use payload::{Closure, StorePath};
use std::collections::BTreeMap;
use std::time::Duration;

const ASK: Duration = Duration::from_mins(3);
/// A kernel is built in some hours on a small machine, where it cannot be fetched.
const BUILD: Duration = Duration::from_hours(12);
/// The root that keeps what is built; copying keeps its last system at the same place.
const ROOT: &str = "/nix/var/nix/gcroots/homehive-next";

/// The systems of all machines of `order`, each built on its own machine; and what became of those where that failed.
///
/// # Errors
/// The systems cannot be evaluated.
pub async fn build(
    order: &Order<'_>,
    met: &BTreeMap<HostName, Met>,
    parallel: usize,
) -> Result<(BTreeMap<HostName, Closure>, BTreeMap<HostName, State>), Failure> {
    let derivations = building::derivations(order).await?;
    let mut sent = Vec::new();
    for (name, derivation) in &derivations {
        let Some(met) = met.get(name) else { continue };
        let ask = Cmd::new("nix-store").args(["--query", "--requisites", derivation.as_str()]);
        let said = run_local(&ask, ASK).await;
        let said = said.map_err(|error| Failure::failed(name, error, format!("mend that, then {}", order.again)))?;
        let paths = said.stdout.lines().map(str::to_owned).collect();
        sent.push((name, &met.machine, copy::Closure { system: derivation.to_string(), paths, size: 0 }));
    }
    let targets: Vec<Target<'_>> =
        sent.iter().map(|(_, machine, closure)| Target { machine, root: "/", closure }).collect();
    let copied = copy::copy(&targets, parallel, order.story).await;
    let builds = sent.iter().zip(copied).map(async |((name, machine, closure), copied)| {
        let built = async {
            copied.map_err(|error| error.to_string())?;
            order.story.stage(name.to_string(), "builds its system by itself");
            realise(machine, &closure.system).await
        };
        ((*name).clone(), built.await)
    });
    let (mut closures, mut states) = (BTreeMap::new(), BTreeMap::new());
    for (name, built) in join_all(builds).await {
        match built {
            Ok(closure) => drop(closures.insert(name, closure)),
            Err(error) => {
                let why = format!("its system could not be built on it: {error}; it runs and boots what it did before");
                states.insert(name, State::Failed { why });
            }
        }
    }
    Ok((closures, states))
}

/// Builds a derivation on a machine, keeps what comes out, and reads its closure.
async fn realise(machine: &Machine, derivation: &str) -> Result<Closure, String> {
    let text = |error: RunError| error.to_string();
    let words = Cmd::new("nix-store").args(["--realise", derivation, "--add-root", ROOT]);
    machine.run(&words, BUILD).await.map_err(text)?;
    let link = machine.run(&Cmd::new("readlink").args(["-f", ROOT]), ASK).await.map_err(text)?.stdout;
    let system = StorePath::parse(link.trim()).map_err(|error| error.to_string())?;
    let ask = Cmd::new("nix-store").args(["--query", "--requisites", system.as_str()]);
    let paths = machine.run(&ask, ASK).await.map_err(text)?.stdout;
    let sizes = Cmd::new("xargs").args(["nix-store", "--query", "--size"]).input(paths.clone());
    let sizes = machine.run(&sizes, ASK).await.map_err(text)?.stdout;
    Closure::read(system, &paths, &sizes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{ASK, realise};
    use cmd::Cmd;
    use machine::{Machine, run_local};

    /// On this machine, which has built it already: how root builds without a daemon is no business of a deployment.
    #[tokio::test]
    async fn what_is_built_is_kept_and_read() {
        let expression = "derivation { name = \"homehive-abroad\"; system = builtins.currentSystem; builder = \"/bin/sh\"; \
                          args = [ \"-c\" \"echo built > $out\" ]; }";
        let instantiate = Cmd::new("nix-instantiate").args(["--expr", expression]);
        let derivation = run_local(&instantiate, ASK).await.map(|said| said.stdout.trim().to_owned());
        let build = |derivation: &str| {
            let options = ["--option", "build-users-group", "", "--option", "sandbox", "false"];
            Cmd::new("nix-store").args(["--realise", derivation]).args(options)
        };
        let built = match &derivation {
            Ok(derivation) => run_local(&build(derivation), ASK).await.is_ok(),
            Err(_) => false,
        };
        let (Ok(derivation), true) = (derivation, built) else {
            eprintln!("skipped: a Nix store that this user may build in (package nix-bin, root's rights)");
            return;
        };
        let machine = Machine::local("here", false);
        let closure = realise(&machine, &derivation).await.unwrap();
        std::fs::remove_file(super::ROOT).unwrap();
        assert!(closure.path.as_str().ends_with("-homehive-abroad"), "{closure:?}");
        assert_eq!(closure.paths, std::slice::from_ref(&closure.path));
        assert!(closure.size > 0);
    }
}
