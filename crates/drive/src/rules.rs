//! What goes wrong with a drive on purpose: errors, slowness, silent corruption, no more room. It decides; it does nothing.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Reading.
    Read,
    /// Writing, and what counts as that: zeroes, discards.
    Write,
    /// Flushing, wherever.
    Flush,
}

/// What happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The drive reports an I/O error, and does nothing.
    Fail,
    /// It takes so many milliseconds more.
    Delay(u64),
    /// It says that all is well; one bit of each sector that is concerned is another.
    Corrupt,
    /// So many bytes more it takes; what would be more is refused for want of room.
    Full(u64),
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// On which kinds of access.
    pub on: Vec<Access>,
    /// From which byte.
    #[serde(default)]
    pub from: u64,
    /// Up to which byte, itself not included; to the drive's end if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// What happens.
    pub effect: Effect,
    /// How often; without end if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

/// What goes wrong with one access.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How it fails, if it does.
    pub failure: Option<Failure>,
    /// The ranges (first byte, byte behind the last) whose sectors are corrupted.
    pub corrupt: Vec<(u64, u64)>,
}

/// How an access fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An I/O error.
    Io,
    /// No more room.
    Full,
}

/// All that goes wrong with a drive, and how often it has yet to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// These rules, in their order.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// One more thing that goes wrong, beside the others; it takes the place of one of its kind on the same bytes.
    pub fn add(&mut self, rule: Rule) {
        let kind = |rule: &Rule| (std::mem::discriminant(&rule.effect), rule.on.clone(), rule.from, rule.to);
        self.0.retain(|known| kind(known) != kind(&rule));
        self.0.push(rule);
    }

    /// How long this access takes more; what is counted is counted down.
    pub fn delay(&mut self, access: Access, at: u64, length: u64) -> Duration {
        let mut delay = Duration::ZERO;
        for rule in &mut self.0 {
            if let (Effect::Delay(ms), Some(_)) = (rule.effect, rule.concerns(access, at, length)) {
                delay += Duration::from_millis(ms);
                rule.count();
            }
        }
        delay
    }

    /// What goes wrong with this access; what is counted is counted down.
    pub fn judge(&mut self, access: Access, at: u64, length: u64) -> Verdict {
        let mut verdict = Verdict::default();
        for rule in &mut self.0 {
            let Some((from, to)) = rule.concerns(access, at, length) else { continue };
            match &mut rule.effect {
                Effect::Delay(_) => continue,
                Effect::Fail => verdict.failure = verdict.failure.or(Some(Failure::Io)),
                Effect::Corrupt => verdict.corrupt.push((from, to)),
                Effect::Full(room) if to - from <= *room => {
                    *room -= to - from;
                    continue;
                }
                Effect::Full(_) => verdict.failure = verdict.failure.or(Some(Failure::Full)),
            }
            rule.count();
        }
        verdict
    }
}

impl Rule {
    /// The part of an access that it is about, if it is and has not come to its end.
    fn concerns(&self, access: Access, at: u64, length: u64) -> Option<(u64, u64)> {
        let from = self.from.max(at);
        let to = self.to.unwrap_or(u64::MAX).min(at.saturating_add(length)).max(from);
        let concerned = self.on.contains(&access) && (from < to || access == Access::Flush);
        (concerned && self.times != Some(0)).then_some((from, to))
    }

    fn count(&mut self) {
        self.times = self.times.map(|times| times.saturating_sub(1));
    }
}

/// Corrupts what a verdict says of bytes that begin at `at`: one bit in each sector.
pub fn corrupt(verdict: &Verdict, sector: usize, at: u64, bytes: &mut [u8]) {
    for (from, to) in &verdict.corrupt {
        let mut place = *from;
        while place < *to {
            if let Some(byte) = usize::try_from(place - at).ok().and_then(|index| bytes.get_mut(index)) {
                *byte ^= 1;
            }
            place = (place / sector as u64 + 1) * sector as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Effect, Failure, Rule, Rules, corrupt};
    use std::time::Duration;

    fn rule(on: Access, range: (u64, Option<u64>), effect: Effect, times: Option<u64>) -> Rule {
        Rule { on: vec![on], from: range.0, to: range.1, effect, times }
    }

    #[test]
    fn what_goes_wrong_and_where() {
        let rows = [
            ("before", Access::Write, (512, 512), None, 0),
            ("its first byte", Access::Write, (512, 513), Some(Failure::Io), 0),
            ("beyond", Access::Write, (4096, 512), None, 0),
            ("another access", Access::Read, (1024, 512), None, 7),
        ];
        for (case, access, (at, length), failure, delay) in rows {
            let mut rules = Rules::new(vec![
                rule(Access::Write, (1024, Some(4096)), Effect::Fail, None),
                rule(Access::Read, (0, None), Effect::Delay(7), None),
            ]);
            let (slow, verdict) = (rules.delay(access, at, length), rules.judge(access, at, length));
            assert_eq!((verdict.failure, slow), (failure, Duration::from_millis(delay)), "{case}");
        }
    }

    #[test]
    fn a_counted_rule_comes_to_its_end() {
        let mut rules = Rules::new(vec![rule(Access::Flush, (0, None), Effect::Fail, Some(2))]);
        let failures: Vec<_> = (0..3).map(|_| rules.judge(Access::Flush, 0, 0).failure.is_some()).collect();
        assert_eq!(failures, [true, true, false]);
    }

    #[test]
    fn what_goes_wrong_adds_up() {
        let mut rules = Rules::default();
        let reads = |from| rule(Access::Read, (from, Some(from + 512)), Effect::Fail, None);
        let slow = |ms| rule(Access::Read, (0, None), Effect::Delay(ms), None);
        for one in [reads(0), slow(200), reads(4096), slow(30)] {
            rules.add(one);
        }
        let failure = |rules: &mut Rules, at| rules.judge(Access::Read, at, 512).failure;
        let failures = [0, 512, 4096].map(|at| failure(&mut rules, at));
        assert_eq!(failures, [Some(Failure::Io), None, Some(Failure::Io)], "both places, and it is slow");
        assert_eq!(rules.delay(Access::Read, 0, 512), Duration::from_millis(30), "not both times");
    }

    #[test]
    fn a_drive_fills_up() {
        let mut rules = Rules::new(vec![rule(Access::Write, (0, None), Effect::Full(1024), None)]);
        let fails: Vec<_> = [512, 1024, 512, 512].map(|n| rules.judge(Access::Write, 0, n).failure).into();
        assert_eq!(fails, [None, Some(Failure::Full), None, Some(Failure::Full)]);
    }

    #[test]
    fn one_bit_a_sector() {
        let mut rules = Rules::new(vec![rule(Access::Read, (600, Some(2000)), Effect::Corrupt, None)]);
        let mut bytes = vec![0; 2048];
        let verdict = rules.judge(Access::Read, 512, 2048);
        corrupt(&verdict, 512, 512, &mut bytes);
        let changed: Vec<_> =
            bytes.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(at, _)| at + 512).collect();
        assert_eq!(changed, [600, 1024, 1536]);
    }
}
