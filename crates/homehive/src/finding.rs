//! Finding a machine again whose address may have changed: among candidates that were named, by the one host key that it
//! must show. Nothing else is ever tried.

use crate::failure::Failure;
use futures_util::future::join_all;
use machine::{Address, Machine, Refusal, RunError, Story};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long one candidate may take to answer in one round.
const ANSWER: Duration = Duration::from_secs(20);
/// Between two rounds, so that nobody is flooded.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks all candidates, again and again until `deadline`, and returns the first that shows the pinned key its address
/// carries. One that shows another key gets nothing: ssh ends before anybody logs in. `next` is what to do if there is none.
pub async fn find(
    name: &str,
    candidates: &[Address],
    deadline: Duration,
    story: &Story,
    next: &str,
) -> Result<Machine, Failure> {
    let end = Instant::now() + deadline;
    let places = candidates.iter().map(place).collect::<Vec<_>>().join(", ");
    story.stage(name, format!("is looked for at {places}"));
    let mut said: BTreeMap<String, RunError> = BTreeMap::new();
    while Instant::now() < end {
        let round = join_all(candidates.iter().map(|address| ask(name, address, story))).await;
        for (address, answer) in candidates.iter().zip(round) {
            match answer {
                Ok(machine) => {
                    story.note(name, format!("answers at {} with the expected host key", place(address)));
                    return Ok(machine);
                }
                Err(error) => drop(said.insert(place(address), error)),
            }
        }
        tokio::time::sleep(PAUSE.min(end.saturating_duration_since(Instant::now()))).await;
    }
    let told = said.iter().map(|(place, error)| format!("\n  {place}: {}", why(error))).collect::<Vec<_>>().concat();
    let minutes = deadline.as_secs().div_ceil(60);
    Err(Failure::failed(
        format!("{name} was not found within {minutes} min at any candidate"),
        format!("none shows the expected host key{told}"),
        next,
    ))
}

async fn ask(name: &str, address: &Address, story: &Story) -> Result<Machine, RunError> {
    let broken = |source| RunError::Start { words: "ssh".into(), source };
    let machine = Machine::ssh(name, address.clone()).map_err(broken)?.telling(story);
    machine.ask_as_login(&cmd::Cmd::new("true"), ANSWER).await?;
    Ok(machine)
}

fn place(address: &Address) -> String {
    match address.host.parse::<std::net::Ipv6Addr>() {
        Ok(host) => format!("[{host}]:{}", address.port),
        Err(_) => format!("{}:{}", address.host, address.port),
    }
}

fn why(error: &RunError) -> &'static str {
    match error {
        RunError::Unreachable { reason: Refusal::HostKey, .. } => "shows another host key, so nothing was sent to it",
        RunError::Unreachable { reason: Refusal::Login, .. } => {
            "shows the right host key, and lets none of your keys in"
        }
        _ => "no answer",
    }
}
