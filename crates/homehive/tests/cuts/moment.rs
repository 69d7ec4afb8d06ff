//! What a seed says: what goes on when the power goes, when that is, and what the drives forget.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What goes on when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `disks apply` on blank disks; the power goes right behind a step.
    Step,
    /// `disks apply` on blank disks.
    Apply,
    /// `disks apply --reinstall` on a machine with files on what is persistent.
    Reinstall,
    /// Files are written to the finished machine, and made sure of one by one.
    Writes,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Step, Self::Apply, Self::Reinstall, Self::Writes];

    fn word(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Apply => "apply",
            Self::Reinstall => "reinstall",
            Self::Writes => "writes",
        }
    }

    /// What is typed, and typed again after the cut.
    pub fn apply(self) -> &'static [&'static str] {
        match self {
            Self::Step | Self::Apply | Self::Writes => &["--lab", "disks", "apply", "nas"],
            Self::Reinstall => &["--lab", "disks", "apply", "nas", "--reinstall"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.word() == text).ok_or_else(|| format!("`{text}` is no kind of cut"))
    }
}

/// What the drives lose; three times in five some of it.
const LOSE: [&str; 5] = ["some", "some", "some", "torn", "all"];

/// A moment at which the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub seed: u64,
    pub kind: Kind,
    /// How far it is by then, in thousandths of what it takes.
    pub share: u32,
    pub lose: &'static str,
}

impl Moment {
    /// The same for the same seed, every time.
    pub fn of(seed: u64) -> Self {
        let mut draw = draws(seed);
        let share = u32::try_from(draw(1000)).unwrap();
        let lose = LOSE[usize::try_from(draw(5)).unwrap()];
        // In turn, so that each piece of a run has as many of each.
        let kind = [Kind::Apply, Kind::Writes, Kind::Reinstall][usize::try_from(seed % 3).unwrap()];
        Self { seed, kind, share, lose }
    }

    /// When that is of something that takes so long.
    pub fn within(self, took: Duration) -> Duration {
        took * self.share / 1000
    }
}

/// The numbers that follow from a seed: each draw another one (`SplitMix64`).
fn draws(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % below
    }
}

#[test]
fn seeds_draw_all_kinds_and_losses() {
    let moments: Vec<Moment> = (1..=200).map(Moment::of).collect();
    assert_eq!(moments, (1..=200).map(Moment::of).collect::<Vec<_>>());
    let count = |test: &dyn Fn(&Moment) -> bool| moments.iter().filter(|moment| test(moment)).count();
    for kind in [Kind::Apply, Kind::Reinstall, Kind::Writes] {
        for lose in LOSE {
            assert!(count(&|it| it.kind == kind && it.lose == lose) >= 5, "{kind} {lose}");
        }
        assert!(
            count(&|it| it.kind == kind && it.share < 250) >= 5 && count(&|it| it.kind == kind && it.share > 750) >= 5
        );
    }
}
