//! Taking a node out of the cluster, step by step, asked on a server that stays.

use super::nodes::printed;
use super::removal::Leave;
use super::survey::Survey;
use crate::failure::Failure;
use crate::verbs::Context;
use cmd::Cmd;
use machine::Machine;
use std::time::{Duration, Instant};

const ASK: Duration = Duration::from_mins(1);
/// How long pods may take to end; the same is told to kubectl.
const DRAIN: Duration = Duration::from_mins(10);
/// How long k3s may take to stop: systemd's own patience is 90 s.
const STOP: Duration = Duration::from_mins(3);
/// How long etcd may take to let a member go.
const ETCD: Duration = Duration::from_mins(3);
/// Between two questions.
const AGAIN: Duration = Duration::from_secs(2);

fn kubectl(words: &[&str]) -> Cmd {
    Cmd::new("k3s").arg("kubectl").args(words.iter().copied())
}

/// Takes the steps; each is seen to be done before the next.
///
/// # Errors
/// A step fails; those before it are done, and the same command again goes on.
pub async fn remove(
    context: &Context,
    survey: &Survey,
    name: &str,
    steps: &[Leave],
    again: &str,
) -> Result<(), Failure> {
    let mut stays = survey.nodes.iter().filter(|node| node.server && node.ready && node.name != name);
    let via = stays.find_map(|node| survey.doors.get(&node.name));
    let Some(via) = via else {
        return Err(Failure::Failed(format!("no server that stays answers over SSH\n  next: mend that, then {again}")));
    };
    for step in steps {
        context.story.stage(name, step.text());
        let failed = |error: String| Failure::failed(format!("{name}: {}", step.text()), error, again);
        let run =
            async |cmd: Cmd, span: Duration| via.run(&cmd, span).await.map(drop).map_err(|error| error.to_string());
        match step {
            Leave::Drain => {
                let timeout = format!("--timeout={}s", DRAIN.as_secs());
                let words = ["drain", name, "--ignore-daemonsets", "--delete-emptydir-data", &timeout];
                run(kubectl(&words), DRAIN + ASK).await.map_err(failed)?;
            }
            Leave::QuitEtcd => {
                // k3s' etcd controller on another server takes the member out, and writes down that it did.
                let words = ["annotate", "--overwrite", "node", name, "etcd.k3s.cattle.io/remove=true"];
                run(kubectl(&words), ASK).await.map_err(failed)?;
                left(via, name).await.map_err(failed)?;
            }
            Leave::Stop => stopped(survey.doors.get(name)).await.map_err(|error| {
                let dead = context.again(&format!("cluster remove {name} --dead"));
                failed(format!(
                    "{error}\n  it would come back, so the cluster still has it; mend that on it: sudo systemctl stop k3s\n  \
                     if that cannot be mended, switch it off; a minute later: {dead}"
                ))
            })?,
            Leave::Delete => run(kubectl(&["delete", "node", name, "--timeout=60s"]), ASK * 2).await.map_err(failed)?,
        }
    }
    Ok(())
}

/// Stops k3s on the machine, and looks whether it has.
async fn stopped(door: Option<&Machine>) -> Result<(), String> {
    let door = door.ok_or("it does not answer any more")?;
    let stop = Cmd::new("systemctl").args(["stop", "k3s.service"]);
    let said = door.ask(&stop, STOP).await.map_err(|error| error.to_string())?;
    let state = Cmd::new("systemctl").args(["show", "--property=ActiveState", "--value", "k3s.service"]);
    let state = door.run(&state, ASK).await.map_err(|error| error.to_string())?;
    // Of a unit that is not there systemctl(1) says `inactive` as well.
    match state.stdout.trim() {
        "inactive" | "failed" => Ok(()),
        state => Err(format!(
            "k3s has not stopped, its unit is {state:?}; `{stop}` ended with exit status {}: {}",
            said.status,
            said.stderr.trim()
        )),
    }
}

/// Waits until etcd has let it go.
async fn left(via: &Machine, name: &str) -> Result<(), String> {
    let end = Instant::now() + ETCD;
    loop {
        let words = kubectl(&["get", "nodes", "--output", "json"]);
        let said = via.ask(&words, ASK).await.map_err(|error| error.to_string())?;
        let nodes = printed(&said.stdout).unwrap_or_default();
        if nodes.iter().any(|node| node.name == name && node.left_etcd) {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(format!("etcd has not let it go within {} s", ETCD.as_secs()));
        }
        tokio::time::sleep(AGAIN).await;
    }
}
