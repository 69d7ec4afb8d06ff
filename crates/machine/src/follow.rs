//! Work that may take hours, followed by what the machine says is left of it: told as that falls, given up when it stands still.

use crate::RunError;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Between two looks.
    pub pause: Duration,
    /// For what is left to fall.
    pub still: Duration,
    /// For all of it, where nobody can say what is left.
    pub blind: Duration,
}

impl Patience {
    /// What does not fall within an hour stands still: even the slowest disk writes some hundred blocks in a second.
    pub fn with(blind: Duration) -> Self {
        Self { pause: Duration::from_secs(5), still: Duration::from_hours(1), blind }
    }
}

/// How far work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Thousandths of it that are done.
    pub done: u64,
    /// About how many seconds it takes yet.
    pub left: Option<u64>,
}

/// What is left, look by look.
struct Ebb {
    most: (u64, Instant),
    least: (u64, Instant),
}

impl Ebb {
    fn begins(left: u64, now: Instant) -> Self {
        Self { most: (left, now), least: (left, now) }
    }

    fn see(&mut self, left: u64, now: Instant) -> Reached {
        // Who uses the volume may add to it at first; it is counted from there.
        if left >= self.most.0 {
            self.most = (left, now);
        }
        if left < self.least.0 {
            self.least = (left, now);
        }
        let gone = self.most.0 - left;
        let done = (gone * 1000).checked_div(self.most.0).unwrap_or(1000);
        let seconds = now.duration_since(self.most.1).as_secs();
        Reached { done, left: (seconds * left).checked_div(gone) }
    }
}

/// Brings `work` to its end; `look` says how much is left of it, if that can be said, and `told` hears how far it is.
///
/// # Errors
/// What `work` ends with; and that nothing moves, once `patience` is over.
pub(crate) async fn to_its_end<E: From<RunError>>(
    what: &str,
    work: impl Future<Output = Result<(), E>>,
    look: impl AsyncFn() -> Option<u64>,
    told: impl Fn(Reached),
    patience: Patience,
) -> Result<(), E> {
    let begun = Instant::now();
    let mut ebb: Option<Ebb> = None;
    let mut work = pin!(work);
    loop {
        let left = look().await;
        let now = Instant::now();
        if let Some(left) = left {
            told(ebb.get_or_insert_with(|| Ebb::begins(left, now)).see(left, now));
        }
        let (moved, long) = ebb.as_ref().map_or((begun, patience.blind), |ebb| (ebb.least.1, patience.still));
        if now.duration_since(moved) > long {
            return Err(RunError::Still { what: what.to_owned(), seconds: long.as_secs() }.into());
        }
        if let Ok(ended) = timeout(patience.pause, &mut work).await {
            if ended.is_ok() && ebb.is_some() {
                told(Reached { done: 1000, left: None });
            }
            return ended;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ebb, Patience, Reached, to_its_end};
    use crate::RunError;
    use std::cell::{Cell, RefCell};
    use std::future::pending;
    use std::time::{Duration, Instant};
    use tokio::time::sleep;

    #[test]
    fn an_estimate_follows_what_has_fallen_since_the_most() {
        let begin = Instant::now();
        let mut ebb = Ebb::begins(800, begin);
        let mut see = |left, seconds| {
            let Reached { done, left } = ebb.see(left, begin + Duration::from_secs(seconds));
            (done, left)
        };
        assert_eq!(see(800, 0), (0, None));
        assert_eq!(see(1000, 10), (0, None));
        assert_eq!(see(750, 20), (250, Some(30)));
        assert_eq!(see(0, 50), (1000, Some(0)));
        // An empty cache is written out.
        assert_eq!(Ebb::begins(0, begin).see(0, begin), Reached { done: 1000, left: None });
    }

    const PATIENCE: Patience = Patience {
        pause: Duration::from_millis(5),
        still: Duration::from_millis(50),
        blind: Duration::from_millis(100),
    };

    /// Three times as long as anything may stand still, and longer than nobody would be able to say anything.
    #[tokio::test]
    async fn what_falls_is_waited_for() {
        let (left, said) = (Cell::new(30_u64), RefCell::new(Vec::new()));
        let look = async || {
            left.set(left.get().saturating_sub(1));
            Some(left.get())
        };
        let work = async {
            while left.get() > 0 {
                sleep(Duration::from_millis(1)).await;
            }
            Ok::<(), RunError>(())
        };
        to_its_end("it", work, look, |at| said.borrow_mut().push(at), PATIENCE).await.unwrap();
        let done: Vec<u64> = said.borrow().iter().map(|at| at.done).collect();
        assert_eq!((done[0], done.last()), (0, Some(&1000)));
        assert!(done.is_sorted() && done.len() > 20, "{done:?}");
    }

    #[tokio::test]
    async fn what_stands_still_is_given_up() {
        for (left, long) in [(Some(7), PATIENCE.still), (None, PATIENCE.blind)] {
            let begun = Instant::now();
            let work = pending::<Result<(), RunError>>();
            let error = to_its_end("it", work, async || left, |_| (), PATIENCE).await.unwrap_err();
            assert!(matches!(error, RunError::Still { .. }), "{error}");
            assert!(begun.elapsed() > long, "{left:?}");
        }
    }

    #[tokio::test]
    async fn a_failure_is_the_works_own() {
        let failed = || RunError::Failed { words: "lvconvert".into(), status: 5, stderr: String::new() };
        let ended = to_its_end("it", async { Err::<(), _>(failed()) }, async || Some(7), |_| (), PATIENCE).await;
        assert_eq!(ended.unwrap_err().to_string(), failed().to_string());
    }
}
