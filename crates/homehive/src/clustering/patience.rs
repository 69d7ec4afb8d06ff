//! How long a machine may keep everybody waiting, over all that is waited for on it. Pure: whoever waits says what time
//! it is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The time that each machine was waited for. A machine that swings between two states, or one that falls ill again while
/// another is waited for, gets no new time by that.
#[derive(Debug)]
pub struct Patience {
    span: Duration,
    spent: BTreeMap<String, Duration>,
    /// Who is waited for now, and since when that is not counted yet.
    current: Option<(String, Instant)>,
}

impl Patience {
    /// Every machine may take this long.
    pub fn new(span: Duration) -> Self {
        Self { span, spent: BTreeMap::new(), current: None }
    }

    /// From `now` on this machine is waited for. False if it has had its time.
    pub fn waits(&mut self, name: &str, now: Instant) -> bool {
        self.ends(now);
        self.current = Some((name.to_owned(), now));
        self.spent.get(name).is_none_or(|spent| *spent <= self.span)
    }

    /// From `now` on nobody is waited for.
    pub fn ends(&mut self, now: Instant) {
        if let Some((name, since)) = self.current.take() {
            *self.spent.entry(name).or_default() += now.saturating_duration_since(since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Patience;
    use std::time::{Duration, Instant};

    /// How many seconds go by until one of these machines, waited for in turns of three seconds, has had its minute.
    fn until_given_up(turns: &[&str]) -> Option<u64> {
        let (begin, mut patience) = (Instant::now(), Patience::new(Duration::from_mins(1)));
        let mut seconds = (0..3600).step_by(3);
        turns
            .iter()
            .cycle()
            .zip(&mut seconds)
            .find(|(name, at)| !patience.waits(name, begin + Duration::from_secs(*at)))
            .map(|(_, at)| at)
    }

    #[test]
    fn waiting_ends_however_it_swings() {
        for (case, turns, expected) in [
            ("one machine, whatever it is waited for until", &["a"][..], 63),
            ("two in turns: each has its minute", &["a", "b"], 126),
            ("one that comes back now and then", &["a", "a", "a", "b"], 84),
        ] {
            assert_eq!(until_given_up(turns), Some(expected), "{case}");
        }
    }

    #[test]
    fn what_is_no_waiting_does_not_count() {
        let (begin, mut patience) = (Instant::now(), Patience::new(Duration::from_mins(1)));
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert!(patience.waits("a", at(0)));
        patience.ends(at(50));
        assert!(patience.waits("a", at(500)), "50 s of its minute are gone, and not 500");
        assert!(patience.waits("b", at(510)), "and now 60");
        assert!(patience.waits("a", at(540)), "b's time is b's");
        assert!(!patience.waits("a", at(541)));
    }
}
