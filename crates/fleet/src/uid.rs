//! The number that a person has as the owner of files in the shares, derived from the name alone.
//!
//! What makes the server's users (`sambacc`) counts them from 1000 by their places in the list where it is told no `uid`:
//! with the first of them gone, everybody else would own the files of the one before. A number that is derived from the
//! name stays whatever becomes of the list, of the share and of the fleet, and nothing has to be recorded that could be
//! lost with a disk. That no two users of a fleet have the same is `check`'s business.

use crate::UserName;
use uuid::Uuid;

/// The first of the numbers, and how many there are: between what systemd leaves to no one (65536 to 524287, see
/// `UIDS-GIDS.md` there), above the first subordinate ranges of rootless containers (100000), and small enough for the
/// plain headers of tar(1).
const FIRST: u32 = 0x4_0000;
const COUNT: u32 = 0x4_0000;

/// The uid and gid of a user in the servers of the shares.
pub fn uid(user: &UserName) -> u32 {
    let homehive = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"homehive");
    let hash = Uuid::new_v5(&Uuid::new_v5(&homehive, b"samba user"), user.as_ref().as_bytes());
    let [a, b, c, d, ..] = hash.into_bytes();
    FIRST + u32::from_be_bytes([a, b, c, d]) % COUNT
}

#[cfg(test)]
mod tests {
    use super::{COUNT, FIRST, uid};
    use proptest::prelude::*;

    /// These numbers own files on people's disks: they are never others.
    #[test]
    fn they_stay_what_they_are() {
        for (name, wanted) in [("ben", 284_803), ("eva", 374_698), ("idarob", 522_498), ("ralfpeter", 522_498)] {
            assert_eq!(uid(&name.parse().unwrap()), wanted, "{name}");
        }
    }

    proptest! {
        #[test]
        fn they_lie_where_nobody_else_has_any(name in "[a-z_][a-z0-9_-]{0,30}") {
            if let Ok(name) = name.parse() {
                prop_assert!((FIRST..FIRST + COUNT).contains(&uid(&name)));
                prop_assert!(uid(&name) <= 524_287);
            }
        }
    }
}
