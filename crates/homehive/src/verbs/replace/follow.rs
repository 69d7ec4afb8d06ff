//! The rebuilding, followed by looking at the machine until nothing is rebuilt any more.

use crate::failure::Failure;
use crate::verbs::Context;
use machine::Machine;
use std::time::{Duration, Instant};
use storage::Wish;
use storage::health::{Finding, State, health};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// A rebuilding that moves by not a thousandth for so long stands still: at 10 TB that would be less than 3 MB/s.
const STALLED: Duration = Duration::from_hours(1);

/// What is not good, now.
pub async fn findings(wish: &Wish, machine: &Machine, again: &str) -> Result<Vec<Finding>, Failure> {
    let facts = machine.look().await.map_err(|error| Failure::failed(machine.name(), error, again))?;
    Ok(health(wish, &facts).into_iter().filter(|finding| finding.state != State::Good).collect())
}

/// Tells how far it is until it is done; what is not good then.
pub async fn to_its_end(
    context: &Context,
    wish: &Wish,
    machine: &Machine,
    again: &str,
) -> Result<Vec<Finding>, Failure> {
    let mut moved = (Instant::now(), None);
    let (mut told, mut quiet) = (String::new(), 0);
    loop {
        let found = findings(wish, machine, again).await?;
        let busy: Vec<&Finding> = found.iter().filter(|finding| finding.state == State::Rebuilding).collect();
        // The kernel begins a moment after it was told to: one quiet look is not its end.
        quiet = if busy.is_empty() { quiet + 1 } else { 0 };
        if quiet == 2 {
            return Ok(found);
        }
        // What stands on others tells more than the disk itself.
        if let Some(last) = busy.iter().max_by_key(|finding| (finding.done.is_some(), finding.text.len())) {
            let text = format!("{}: {}", last.node, last.text);
            if told.is_empty() {
                let how = format!("ctrl-c leaves it going, and this shows it again: {again}");
                context.story.note(machine.name(), format!("is rebuilding, and can be used meanwhile; {how}"));
            }
            if text != told {
                context.story.note(machine.name(), text.clone());
                told = text;
            }
            if moved.1 != last.done {
                moved = (Instant::now(), last.done);
            }
        }
        if moved.0.elapsed() > STALLED {
            let what = format!("the rebuilding has not moved for {} minutes: {told}", STALLED.as_secs() / 60);
            return Err(Failure::failed(machine.name(), what, again));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
