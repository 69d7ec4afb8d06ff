//! How a logical volume is spread over several physical volumes, in disko's words for `lvm_type`: see lvmraid(7).

use schemars::JsonSchema;
use serde::Serialize;

/// How a logical volume is spread over its physical volumes, over all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// Striped: as fast as all together, lost with the first that dies (device mapper).
    Striped,
    /// Striped, by md's code: can become another level later.
    Raid0,
    /// A copy on each.
    Raid1,
    /// One for parity.
    Raid4,
    /// Parity of one, on all in turns.
    Raid5,
    /// Parity of two, on all in turns.
    Raid6,
    /// Striped over pairs of copies.
    Raid10,
}

impl Spread {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Striped, Self::Raid0, Self::Raid1, Self::Raid4, Self::Raid5, Self::Raid6, Self::Raid10];

    /// LVM's segment type.
    pub fn word(self) -> &'static str {
        match self {
            Self::Striped => "striped",
            Self::Raid0 => "raid0",
            Self::Raid1 => "raid1",
            Self::Raid4 => "raid4",
            Self::Raid5 => "raid5",
            Self::Raid6 => "raid6",
            Self::Raid10 => "raid10",
        }
    }

    /// Is this segment type, as lvs(8) prints it, of this sort? RAID has variants, such as `raid5_ls`.
    pub fn is(self, segment: &str) -> bool {
        segment.strip_prefix(self.word()).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    }

    /// How many physical volumes it needs at least, by lvmraid(7).
    pub fn least(self) -> usize {
        match self {
            Self::Striped | Self::Raid0 | Self::Raid1 => 2,
            Self::Raid4 | Self::Raid5 => 3,
            Self::Raid6 => 5,
            Self::Raid10 => 4,
        }
    }

    /// Can it lie on this many?
    pub fn fits(self, pvs: usize) -> bool {
        pvs >= self.least()
            && match self {
                Self::Raid10 => pvs.is_multiple_of(2),
                Self::Striped | Self::Raid0 | Self::Raid1 | Self::Raid4 | Self::Raid5 | Self::Raid6 => true,
            }
    }

    /// On how many of `pvs` physical volumes its data lies, not counting copies and parity.
    pub fn stripes(self, pvs: usize) -> usize {
        let stripes = match self {
            Self::Striped | Self::Raid0 => pvs,
            Self::Raid1 => 1,
            Self::Raid4 | Self::Raid5 => pvs.saturating_sub(1),
            Self::Raid6 => pvs.saturating_sub(2),
            Self::Raid10 => pvs / 2,
        };
        stripes.max(1)
    }

    /// How many physical volumes it can lose.
    pub fn spare(self, pvs: usize) -> usize {
        match self {
            Self::Striped | Self::Raid0 => 0,
            Self::Raid1 => pvs.saturating_sub(1),
            Self::Raid4 | Self::Raid5 | Self::Raid10 => 1,
            Self::Raid6 => 2,
        }
    }

    /// Extents that each physical volume gives besides the data: where md notes what is in step.
    pub fn notes(self) -> u64 {
        match self {
            Self::Striped | Self::Raid0 => 0,
            Self::Raid1 | Self::Raid4 | Self::Raid5 | Self::Raid6 | Self::Raid10 => 1,
        }
    }

    /// The arguments with which lvcreate(8) makes it on `pvs` physical volumes.
    pub fn arguments(self, pvs: usize) -> Vec<String> {
        let stripes = || vec!["--stripes".to_owned(), self.stripes(pvs).to_string()];
        let mirrors = |copies: usize| vec!["--mirrors".to_owned(), copies.saturating_sub(1).to_string()];
        let shape = match self {
            Self::Raid1 => mirrors(pvs),
            Self::Raid10 => [stripes(), mirrors(2)].concat(),
            Self::Striped | Self::Raid0 | Self::Raid4 | Self::Raid5 | Self::Raid6 => stripes(),
        };
        [vec!["--type".to_owned(), self.word().to_owned()], shape].concat()
    }

    /// The kernel modules that it needs besides device mapper itself.
    pub fn modules(self) -> &'static [&'static str] {
        match self {
            Self::Striped => &[],
            Self::Raid0 => &["dm_raid", "raid0"],
            Self::Raid1 => &["dm_raid", "raid1"],
            Self::Raid4 | Self::Raid5 | Self::Raid6 => &["dm_raid", "raid456"],
            Self::Raid10 => &["dm_raid", "raid10"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn what_each_gives() {
        for (spread, pvs, fits, stripes, spare) in [
            (Spread::Striped, 1, false, 1, 0),
            (Spread::Striped, 3, true, 3, 0),
            (Spread::Raid0, 2, true, 2, 0),
            (Spread::Raid1, 3, true, 1, 2),
            (Spread::Raid5, 2, false, 1, 1),
            (Spread::Raid5, 3, true, 2, 1),
            (Spread::Raid6, 4, false, 2, 2),
            (Spread::Raid6, 5, true, 3, 2),
            (Spread::Raid10, 5, false, 2, 1),
            (Spread::Raid10, 6, true, 3, 1),
        ] {
            let found = (spread.fits(pvs), spread.stripes(pvs), spread.spare(pvs));
            assert_eq!(found, (fits, stripes, spare), "{spread:?} on {pvs}");
        }
    }

    #[test]
    fn variants_are_told_from_other_levels() {
        assert!(Spread::Raid5.is("raid5") && Spread::Raid5.is("raid5_ls"));
        assert!(!Spread::Raid1.is("raid10") && !Spread::Raid5.is("linear"));
    }
}
