//! What the superblocks of an array's members say together while it does not run: which were in step to the end, and
//! whether it was cut off in the midst of a write.

use super::Content;
use crate::tree::Level;
use std::collections::BTreeSet;

/// A member that is there, by what the caller knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member<K> {
    key: K,
    devices: usize,
    events: u64,
    /// The slot in which it serves, if it was in step.
    slot: Option<u32>,
    dirty: bool,
}

/// All members of one array that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing<K>(Vec<Member<K>>);

/// What they can do together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// They start.
    Starts,
    /// Only by force: it was cut off in the midst of a write, and is not whole.
    ByForce,
    /// They are too few.
    TooFew,
}

impl<K: Clone> Standing<K> {
    /// Of these members; what holds something else is passed over.
    pub fn new<'a>(members: impl IntoIterator<Item = (K, &'a Content)>) -> Self {
        let members = members.into_iter().filter_map(|(key, content)| {
            let Content::Member { devices, events, slot, dirty, recovering, .. } = *content else { return None };
            let devices = usize::try_from(devices).ok()?;
            Some(Member { key, devices, events, slot: slot.filter(|_| !recovering), dirty })
        });
        Self(members.collect())
    }

    /// How many active members the array wants.
    pub fn wanted(&self) -> usize {
        self.0.iter().map(|member| member.devices).max().unwrap_or(0)
    }

    /// Did it ever run? For all that can be told: where nothing is kept twice, md never writes to its notes again, and the
    /// counter stays 0.
    pub fn ran(&self, level: Level) -> bool {
        self.0.iter().any(|member| member.events != 0 || !level.redundant())
    }

    /// The fewest that it runs with.
    pub fn needed(&self, level: Level) -> usize {
        self.wanted().saturating_sub(level.may_lose(self.wanted()))
    }

    /// The kernel starts no array of parity that is dirty and not whole (md's `raid5_run`), and mdadm none of it.
    pub fn start(&self, level: Level) -> Start {
        if self.0.is_empty() || self.active() < self.needed(level) {
            Start::TooFew
        } else if level.has_parity() && self.missing() > 0 && self.dirty() {
            Start::ByForce
        } else {
            Start::Starts
        }
    }

    /// All members that are there.
    pub fn all(&self) -> Vec<K> {
        self.0.iter().map(|member| member.key.clone()).collect()
    }

    /// One event less than the last counts as the same: the power may go between two members' superblocks. So mdadm has it
    /// (`Assemble.c`).
    fn is_latest(&self, member: &Member<K>) -> bool {
        let last = self.0.iter().map(|member| member.events).max().unwrap_or(0);
        member.events.saturating_add(1) >= last
    }

    /// Those that were heard of last.
    pub fn latest(&self) -> Vec<K> {
        self.0.iter().filter(|member| self.is_latest(member)).map(|member| member.key.clone()).collect()
    }

    /// Those that fell behind before, and lack what was written since.
    pub fn behind(&self) -> Vec<K> {
        self.0.iter().filter(|member| !self.is_latest(member)).map(|member| member.key.clone()).collect()
    }

    /// How many serve and were in step to the end. One that was replaced, and the one that replaced it, may both bear one slot.
    pub fn active(&self) -> usize {
        let latest = self.0.iter().filter(|member| self.is_latest(member));
        let slots: BTreeSet<u32> = latest.filter_map(|member| member.slot).collect();
        slots.len().min(self.wanted())
    }

    /// How many are missing.
    pub fn missing(&self) -> usize {
        self.wanted().saturating_sub(self.active())
    }

    /// Was it cut off while something was being written?
    pub fn dirty(&self) -> bool {
        self.0.iter().any(|member| member.dirty && self.is_latest(member))
    }
}

#[cfg(test)]
mod tests {
    use super::{Content, Standing, Start};
    use crate::tree::Level;

    fn member(events: u64, slot: Option<u32>, dirty: bool, recovering: bool) -> Content {
        let (array, name, level) = (uuid::Uuid::nil(), "a".to_owned(), "raid6".to_owned());
        Content::Member { array, name, level, devices: 4, events, slot, dirty, recovering }
    }

    #[test]
    fn only_those_in_step_count() {
        for (case, contents, active, behind, dirty) in [
            ("whole", vec![member(9, Some(0), false, false), member(9, Some(1), false, false)], 2, vec![], false),
            ("one event less", vec![member(9, Some(0), true, false), member(8, Some(1), true, false)], 2, vec![], true),
            (
                "one fell behind",
                vec![member(9, Some(0), false, false), member(7, Some(1), true, false)],
                1,
                vec![1],
                false,
            ),
            ("a spare", vec![member(9, Some(0), false, false), member(9, None, false, false)], 1, vec![], false),
            ("rebuilding", vec![member(9, Some(0), true, false), member(9, Some(1), true, true)], 1, vec![], true),
            ("replaced", vec![member(9, Some(1), false, false), member(8, Some(1), false, false)], 1, vec![], false),
            ("something else", vec![Content::Blank, member(9, Some(1), false, false)], 1, vec![], false),
            ("nothing", vec![], 0, vec![], false),
        ] {
            let standing = Standing::new(contents.iter().enumerate());
            assert_eq!((standing.active(), standing.behind(), standing.dirty()), (active, behind, dirty), "{case}");
        }
    }

    /// A RAID0's counter stays 0 whatever it went through.
    #[test]
    fn what_they_can_do() {
        let whole = |dirty| (0..4).map(|slot| member(9, Some(slot), dirty, false)).collect::<Vec<_>>();
        let made = |slots: u32| (0..slots).map(|slot| member(0, Some(slot), false, false)).collect::<Vec<_>>();
        for (case, contents, level, start, ran) in [
            ("whole", whole(true), Level::Raid6, Start::Starts, true),
            ("not whole", whole(false)[..2].to_vec(), Level::Raid6, Start::Starts, true),
            ("not whole, and dirty", whole(true)[..2].to_vec(), Level::Raid6, Start::ByForce, true),
            ("too few", whole(true)[..1].to_vec(), Level::Raid6, Start::TooFew, true),
            ("just made", made(4), Level::Raid6, Start::Starts, false),
            ("of a RAID0 all", made(4), Level::Raid0, Start::Starts, true),
            ("of a RAID0 not all", made(3), Level::Raid0, Start::TooFew, true),
            ("none", Vec::new(), Level::Raid0, Start::TooFew, false),
        ] {
            let standing = Standing::new(contents.iter().enumerate());
            assert_eq!((standing.start(level), standing.ran(level)), (start, ran), "{case}");
        }
    }
}
