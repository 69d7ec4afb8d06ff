//! What the superblocks of an array's members say together while it does not run: which were in step to the end, and
//! whether it was cut off in the midst of a write.

use super::Content;

/// A member that is there, by what the caller knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member<K> {
    key: K,
    devices: usize,
    events: u64,
    serves: bool,
    dirty: bool,
}

/// All members of one array that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing<K>(Vec<Member<K>>);

impl<K: Copy + PartialEq> Standing<K> {
    /// Of these members; what holds something else is passed over.
    pub fn new<'a>(members: impl IntoIterator<Item = (K, &'a Content)>) -> Self {
        let members = members.into_iter().filter_map(|(key, content)| {
            let Content::Member { devices, events, slot, dirty, recovering, .. } = *content else { return None };
            let devices = usize::try_from(devices).ok()?;
            Some(Member { key, devices, events, serves: slot.is_some() && !recovering, dirty })
        });
        Self(members.collect())
    }

    /// How many active members the array wants.
    pub fn wanted(&self) -> usize {
        self.0.iter().map(|member| member.devices).max().unwrap_or(0)
    }

    /// Did it ever run?
    pub fn ran(&self) -> bool {
        self.0.iter().any(|member| member.events != 0)
    }

    /// All members that are there.
    pub fn all(&self) -> Vec<K> {
        self.0.iter().map(|member| member.key).collect()
    }

    /// One event less than the last counts as the same: the power may go between two members' superblocks. So mdadm has it
    /// (`Assemble.c`).
    fn is_latest(&self, member: &Member<K>) -> bool {
        let last = self.0.iter().map(|member| member.events).max().unwrap_or(0);
        member.events.saturating_add(1) >= last
    }

    /// Those that were heard of last.
    pub fn latest(&self) -> Vec<K> {
        self.0.iter().filter(|member| self.is_latest(member)).map(|member| member.key).collect()
    }

    /// Those that fell behind before, and lack what was written since.
    pub fn behind(&self) -> Vec<K> {
        self.0.iter().filter(|member| !self.is_latest(member)).map(|member| member.key).collect()
    }

    /// How many serve and were in step to the end.
    pub fn active(&self) -> usize {
        self.0.iter().filter(|member| member.serves && self.is_latest(member)).count()
    }

    /// Was it cut off while something was being written?
    pub fn dirty(&self) -> bool {
        self.0.iter().any(|member| member.dirty && self.is_latest(member))
    }
}

#[cfg(test)]
mod tests {
    use super::{Content, Standing};

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
            ("something else", vec![Content::Blank, member(9, Some(1), false, false)], 1, vec![], false),
            ("nothing", vec![], 0, vec![], false),
        ] {
            let standing = Standing::new(contents.iter().enumerate());
            assert_eq!((standing.active(), standing.behind(), standing.dirty()), (active, behind, dirty), "{case}");
        }
    }
}
