//! How far each machine's turn is, and what an interruption leaves there: in words, and undone where nothing undoes itself.

use crate::load::Loaded;
use crate::reach;
use crate::verbs::Context;
use fleet::HostName;
use machine::deploy::{Progress, Reached, give_up};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How far each machine is.
#[derive(Debug, Default)]
pub struct Board(Mutex<BTreeMap<HostName, Arc<Standing>>>);

impl Board {
    /// Its turn begins.
    pub fn begin(&self, name: &HostName) -> Arc<Standing> {
        let standing = Arc::new(Standing::default());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.clone(), Arc::clone(&standing));
        standing
    }

    /// None before its turn.
    pub fn of(&self, name: &HostName) -> Option<Arc<Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// How far one machine is.
#[derive(Debug, Default)]
pub struct Standing {
    progress: Progress,
    closed: AtomicBool,
    over: AtomicBool,
}

/// How long an interruption may take to reach a machine and have it set back what nothing else would.
const GIVING_UP: Duration = Duration::from_secs(40);

impl Standing {
    /// How far the deployment itself is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Its node is closed to pods, or may be.
    pub fn closes(&self, closed: bool) {
        self.closed.store(closed, Relaxed);
    }

    /// Its turn is over.
    pub fn over(&self) {
        self.over.store(true, Relaxed);
    }

    /// What stands there now that we are interrupted. A machine where profile and boot menu are set and nothing is armed
    /// is told to set them back.
    pub async fn interrupted(&self, context: &Context, loaded: &Loaded, name: &HostName, deadline: Duration) -> String {
        if self.over.load(Relaxed) {
            return "its turn was over; the story above says how".to_owned();
        }
        let reached = self.progress.reached();
        let undone = match &reached {
            Reached::Entry { id } => {
                let told = async {
                    let reached = reach::reach(loaded, name, None, &context.story).await.ok()?;
                    give_up(&reached.machine, id).await.ok()
                };
                matches!(tokio::time::timeout(GIVING_UP, told).await, Ok(Some(())))
            }
            _ => false,
        };
        let left = Left { reached, undone, closed: self.closed.load(Relaxed) };
        left.words(name, deadline, &context.again(&format!("rollback {name}")))
    }
}

/// What an interruption leaves on a machine.
#[derive(Debug)]
struct Left {
    reached: Reached,
    /// It was told to set profile and boot menu back.
    undone: bool,
    /// Its node may be closed to pods.
    closed: bool,
}

impl Left {
    fn words(&self, name: &HostName, deadline: Duration, rollback: &str) -> String {
        let mut text = match &self.reached {
            Reached::Nothing => "was not switched: it runs and boots what it did before".to_owned(),
            Reached::Entry { .. } if self.undone => {
                "was not switched, and sets its profile and boot menu back by itself now".to_owned()
            }
            Reached::Entry { .. } => format!(
                "was not switched, but could not be told to set its boot menu back, and may boot the new system next time; go \
             back, once it is free (25 min at most): {rollback}"
            ),
            Reached::Guarded => format!(
                "was being switched: as nobody finds it well within {} s now, it goes back by itself",
                deadline.as_secs()
            ),
            Reached::Kept => "was found well, and keeps the new system".to_owned(),
        };
        if self.closed {
            let _ =
                write!(text, "; its node may be closed to pods; open it once it is ready: k3s kubectl uncordon {name}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Left;
    use machine::deploy::Reached;
    use std::time::Duration;

    /// That it goes back by itself is said only where it does.
    #[test]
    fn an_interruption_says_what_is_so() {
        let entry = || Reached::Entry { id: "1-a".to_owned() };
        for (reached, undone, closed, says) in [
            (Reached::Nothing, false, false, "runs and boots what it did before"),
            (Reached::Nothing, false, true, "k3s kubectl uncordon nas"),
            (entry(), true, false, "sets its profile and boot menu back by itself now"),
            (
                entry(),
                false,
                false,
                "may boot the new system next time; go back, once it is free (25 min at most): homehive rollback nas",
            ),
            (entry(), false, true, "uncordon nas"),
            (Reached::Guarded, false, false, "within 90 s now, it goes back by itself"),
            (Reached::Guarded, false, true, "uncordon nas"),
            (Reached::Kept, false, false, "keeps the new system"),
        ] {
            let left = Left { reached, undone, closed };
            let text = left.words(&"nas".parse().unwrap(), Duration::from_secs(90), "homehive rollback nas");
            assert!(text.contains(says), "{left:?}: {text}");
            assert_eq!(text.contains("goes back by itself"), left.reached == Reached::Guarded, "{text}");
            assert_eq!(text.contains("uncordon"), left.closed, "{text}");
        }
    }
}
