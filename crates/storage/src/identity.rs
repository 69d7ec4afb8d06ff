//! Identities derived from names, and the forms in which each tool writes them. Who bears which is `wish`'s business.
//!
//! UUIDs of version 5 (RFC 9562): the same fleet, machine and node give the same identity, on every run and every
//! machine, before any disk exists.

use crate::NodeId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// What of a node bears an identity: one node may be a partition, and hold a filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A partition table: the disk's GUID, or its 32-bit identifier.
    Table,
    /// A partition of a GPT.
    Partition,
    /// An md array.
    Array,
    /// An LVM physical volume.
    PhysicalVolume,
    /// An LVM volume group.
    Group,
    /// An LVM logical volume.
    Volume,
    /// A filesystem.
    Filesystem,
    /// Swap space.
    Swap,
    /// A LUKS header.
    Luks,
    /// A ZFS pool.
    Pool,
}

impl Role {
    /// The word that goes into the derivation, and is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Partition => "partition",
            Self::Array => "array",
            Self::PhysicalVolume => "physical-volume",
            Self::Group => "group",
            Self::Volume => "volume",
            Self::Filesystem => "filesystem",
            Self::Swap => "swap",
            Self::Luks => "luks",
            Self::Pool => "pool",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The namespace of one machine's identities. It changes when the fleet or the machine gets another name.
pub fn namespace(fleet: &str, machine: &str) -> Uuid {
    let homehive = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"homehive");
    Uuid::new_v5(&Uuid::new_v5(&homehive, fleet.as_bytes()), machine.as_bytes())
}

/// The identity of a node in one of its roles.
pub fn identity(namespace: Uuid, node: &NodeId, role: Role) -> Uuid {
    Uuid::new_v5(&namespace, format!("{role}:{node}").as_bytes())
}

/// The 32-bit identifier of a DOS partition table, also a FAT volume's: the first 32 bits, never 0 (which means none).
pub fn short(uuid: Uuid) -> u32 {
    let [a, b, c, d, ..] = *uuid.as_bytes();
    u32::from_be_bytes([a, b, c, d]).max(1)
}

/// How a FAT volume's identifier is shown: `4A1B-22C3`.
pub fn vfat(uuid: Uuid) -> String {
    let id = short(uuid);
    format!("{:04X}-{:04X}", id >> 16, id & 0xffff)
}

/// The PARTUUID that the kernel makes up for a partition of a DOS table: `4a1b22c3-01`.
pub fn mbr_partition(id: u32, number: u32) -> String {
    format!("{id:08x}-{number:02x}")
}

/// As mdadm writes an array's UUID: `a:b:c:d`.
pub fn md(uuid: Uuid) -> String {
    let digits = uuid.simple().to_string();
    [&digits[..8], &digits[8..16], &digits[16..24], &digits[24..]].join(":")
}

/// As LVM writes a UUID: 32 characters in groups of 6-4-4-4-4-4-6. LVM takes any letter and digit; these are the
/// hexadecimal ones.
pub fn lvm(uuid: Uuid) -> String {
    let digits = uuid.simple().to_string();
    let ends = [6, 10, 14, 18, 22, 26, 32];
    let mut from = 0;
    let groups = ends.map(|end| &digits[std::mem::replace(&mut from, end)..end]);
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::{Role, identity, lvm, mbr_partition, md, namespace, short, vfat};
    use proptest::prelude::*;
    use uuid::{Uuid, uuid};

    #[test]
    fn forms() {
        let id = uuid!("4a1b22c3-0011-5233-8445-566778899aab");
        for (name, form, expected) in [
            ("md", md(id), "4a1b22c3:00115233:84455667:78899aab"),
            ("lvm", lvm(id), "4a1b22-c300-1152-3384-4556-6778-899aab"),
            ("vfat", vfat(id), "4A1B-22C3"),
            ("mbr", mbr_partition(short(id), 1), "4a1b22c3-01"),
        ] {
            assert_eq!(form, expected, "{name}");
        }
        assert_eq!(short(Uuid::nil()), 1);
    }

    /// Written down once and never to change: disks out there carry these.
    #[test]
    fn identities_stay() {
        let home = namespace("home", "nas");
        assert_eq!(home, uuid!("91c52d79-682e-5923-80b5-3b6e6b94a4f2"));
        assert_eq!(identity(home, &"mdadm.nas".into(), Role::Array), uuid!("a702a6fd-0e7f-5b29-8ca1-8d4771489716"));
    }

    proptest! {
        /// Another fleet, machine, node or role is another identity.
        #[test]
        fn names_do_not_run_into_each_other(a in "[a-z.:/-]{0,6}", b in "[a-z.:/-]{0,6}", c in "[a-z.:/-]{0,6}", d in "[a-z.:/-]{0,6}") {
            prop_assume!((&a, &b) != (&c, &d));
            prop_assert_ne!(namespace(&a, &b), namespace(&c, &d));
        }
    }
}
