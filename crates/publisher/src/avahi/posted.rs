//! What became of what was handed in.

use crate::announcement::Announcement;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;
use zbus::OwnedObjectPath;

/// How one share's records are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Avahi asks whether the names are free.
    Registering,
    /// They are there.
    Established,
    /// Somebody else has one of the names.
    Collision,
    /// Avahi does not take them, and says why.
    Failed(String),
}

impl State {
    /// As `EntryGroup.StateChanged` says it; none for a group that nothing was asked of yet.
    pub(super) fn of(number: i32, error: &str) -> Option<Self> {
        match number {
            1 => Some(Self::Registering),
            2 => Some(Self::Established),
            3 => Some(Self::Collision),
            4 => Some(Self::Failed(error.to_owned())),
            _ => None,
        }
    }

    /// Is nothing said under these names, or soon?
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Collision | Self::Failed(_))
    }
}

/// One share's records, as they were handed in.
#[derive(Clone, Debug)]
pub struct Posted {
    /// What they say.
    pub announcement: Announcement,
    /// How they are.
    pub state: State,
    /// Their group, if Avahi made one.
    pub(super) group: Option<OwnedObjectPath>,
    /// How often they went wrong in a row.
    pub(super) failures: u32,
    /// When to try again.
    pub(super) retry: Option<Instant>,
    /// Addresses that it had, and when it moved from them.
    pub(super) left: Option<(Instant, Vec<IpAddr>)>,
}

impl Posted {
    /// The time until the next try, after so many failures in a row: a neighbour may only be about to follow the same change
    /// (servers of one cluster publish the same), or may be switched off one day.
    pub(super) fn pause(failures: u32) -> Duration {
        Duration::from_secs(1 << failures.saturating_sub(1).min(6))
    }

    /// Addresses that neighbours may still remember although they were told of the new ones: what they heard of within a
    /// second before is not flushed by the first word of something newer (RFC 6762, section 10.2), only by the second,
    /// which comes a second later.
    pub(super) fn still_remembered(&self) -> Vec<IpAddr> {
        let recent = self.left.as_ref().filter(|(when, _)| when.elapsed() < Duration::from_secs(3));
        recent.map(|(_, addresses)| addresses.clone()).unwrap_or_default()
    }

    pub(super) fn turn(&mut self, state: State) {
        match state {
            State::Collision | State::Failed(_) => {
                self.failures = self.failures.saturating_add(1);
                self.retry = Some(Instant::now() + Self::pause(self.failures));
            }
            State::Established => (self.failures, self.retry) = (0, None),
            State::Registering => self.retry = None,
        }
        self.state = state;
    }
}

#[cfg(test)]
mod tests {
    use super::Posted;

    #[test]
    fn pauses_double_up_to_about_a_minute() {
        let pauses = [1, 2, 3, 6, 7, 8, u32::MAX].map(|failures| Posted::pause(failures).as_secs());
        assert_eq!(pauses, [1, 2, 4, 32, 64, 64, 64]);
    }
}
