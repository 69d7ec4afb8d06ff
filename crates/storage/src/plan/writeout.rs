//! How far the writing out of a cache is: what the kernel is asked while it goes on, and what it says.

use super::sight::mapped;
use super::step::{Action, Step};
use super::volume::VolumeAction;
use cmd::Cmd;

/// What says how far a step is that may take hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    text: String,
    device: String,
}

impl Step {
    /// How to see how far it is; none for steps that are done in no time, or of which nobody can say.
    pub fn gauge(&self) -> Option<Gauge> {
        match &self.what {
            Action::Volume(VolumeAction::Detach { group, name, cache, segment }) => Some(Gauge {
                text: format!("writes {segment} {cache} of {group}/{name} out"),
                device: mapped(group.as_ref(), name.as_ref()),
            }),
            Action::Volume(
                VolumeAction::Create { .. }
                | VolumeAction::CreatePool { .. }
                | VolumeAction::CreateThin { .. }
                | VolumeAction::Identify { .. }
                | VolumeAction::Attach { .. }
                | VolumeAction::Grow { .. },
            )
            | Action::Table(_)
            | Action::Wipe(_)
            | Action::Array(_)
            | Action::Group(_)
            | Action::Luks(_)
            | Action::Pool(_)
            | Action::Filesystem(_)
            | Action::Btrfs(_)
            | Action::Settle
            | Action::Mount(_)
            | Action::Nodev(_) => None,
        }
    }
}

impl Gauge {
    /// What goes on, as it is told.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Asks the kernel, and waits for no lock of LVM's, which whoever writes the cache out may hold.
    pub fn command(&self) -> Cmd {
        Cmd::new("dmsetup").args(["status", "--noflush", &self.device])
    }

    /// How many blocks are not on the disks behind the cache yet, by what that command printed; none if there is no cache
    /// (any more).
    ///
    /// The kernel's Documentation/admin-guide/device-mapper: writecache.rst has the blocks as the second word of its status
    /// and the free ones as the third, cache.rst the dirty ones as the eleventh.
    pub fn left(&self, printed: &str) -> Option<u64> {
        let mut words = printed.split_whitespace();
        // Behind the device's beginning and size, and its name where more than one is told of.
        match words.by_ref().take(4).find(|word| matches!(*word, "writecache" | "cache"))? {
            "writecache" => {
                let (all, free) = (words.nth(1)?.parse::<u64>().ok()?, words.next()?.parse().ok()?);
                all.checked_sub(free)
            }
            _ => words.nth(10)?.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Gauge;

    /// In the form that the kernel's documentation gives.
    #[test]
    fn what_the_kernel_says_is_read() {
        let gauge = Gauge { text: String::new(), device: "/dev/mapper/nas-data".into() };
        assert_eq!(gauge.command().to_string(), "dmsetup status --noflush /dev/mapper/nas-data");
        for (printed, left) in [
            ("0 1310720 writecache 0 31775 26820 0 4 0 4955 2 0 0 4955 0 1 0", Some(4955)),
            ("0 1310720 writecache 0 31775 31775 0 0 0 0 0 0 0 0 0 1 0", Some(0)),
            ("nas-data: 0 31250456576 writecache 0 25000 23500 12 0 0 9 0 0 0 0 0 0 0", Some(1500)),
            (
                "0 1966080 cache 8 27/1024 128 75/4032 20 15 37 5 0 75 9 3 metadata2 writeback no_discard_passdown 2 \
                 migration_threshold 2048 cleaner 0 rw - ",
                Some(9),
            ),
            ("0 1966080 cache Fail", None),
            ("0 1966080 linear ", None),
            ("Device nas-data not found", None),
            ("", None),
        ] {
            assert_eq!(gauge.left(printed), left, "{printed}");
        }
    }
}
