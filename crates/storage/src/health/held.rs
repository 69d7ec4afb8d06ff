//! Whether a device holds what it should: by identity, finished, and mounted where it belongs.

use super::{Look, Said, State};
use crate::NodeId;
use crate::facts::{Content, Device, MbrEntry, MemberState};
use crate::identity::short;
use crate::plan::is_named;
use crate::tree::TableKind;
use crate::wish::{Holds, HybridMbr, Kind, Node};

impl Look<'_> {
    pub(super) fn held(&self, node: &Node, device: &Device, holds: &Holds) -> Vec<Said> {
        let ours = |same: bool, what: String| {
            if same {
                Said::new(State::Good, what)
            } else {
                Said::new(State::Foreign, format!("holds another {what}, not the wished one"))
            }
        };
        let said = match (holds, &device.content) {
            (
                Holds::Table { table: TableKind::Gpt, uuid, hybrid, .. },
                Content::Table { label, uuid: found, mbr, .. },
            ) => {
                let same = label == "gpt" && *found == Some(*uuid);
                let named = hybrid.as_ref().filter(|_| same).and_then(|hybrid| self.hybrid_mbr(hybrid, device, mbr));
                return std::iter::once(ours(same, "partition table".into())).chain(named).collect();
            }
            (Holds::Table { table: TableKind::Mbr, uuid, .. }, Content::Table { label, id, .. }) => {
                ours(label == "dos" && *id == Some(short(*uuid)), "partition table".into())
            }
            (Holds::Member { array, .. }, Content::Member { array: found, name, .. }) => {
                let wished = self.wish.node(array).map(|node| &node.kind);
                let same = matches!(wished, Some(Kind::Array(array)) if array.uuid == *found);
                return if same {
                    self.member(device, *found)
                } else {
                    vec![ours(false, format!("member of array {name}"))]
                };
            }
            (Holds::PhysicalVolume { uuid, .. }, Content::PhysicalVolume { uuid: found, group, .. }) => {
                let group = group.as_ref().map(|group| format!(" of {group}")).unwrap_or_default();
                ours(uuid == found, format!("physical volume{group}"))
            }
            (Holds::Filesystem { format, shown, .. }, Content::Filesystem { format: found, uuid, unfinished, .. }) => {
                let same = format.word() == found && uuid.as_ref().is_some_and(|uuid| uuid.eq_ignore_ascii_case(shown));
                match (same, unfinished) {
                    (true, false) => return self.mounted(device, holds),
                    (true, true) => Said::new(State::Unfinished, format!("the making of its {found} was cut short")),
                    (false, _) => ours(false, found.clone()),
                }
            }
            (Holds::Btrfs(btrfs), Content::Filesystem { format, .. }) => {
                return match device.btrfs() {
                    Some(uuid) if uuid == btrfs.uuid => self.btrfs(device, btrfs),
                    _ => vec![ours(false, format.clone())],
                };
            }
            (Holds::BtrfsMember { of, uuid }, Content::Filesystem { format, .. }) => {
                let same = device.btrfs() == Some(*uuid);
                ours(same, if same { format!("device of the btrfs of {of}") } else { format.clone() })
            }
            (Holds::Luks { uuid, .. }, content @ Content::Luks { .. }) => {
                return super::luks::header(*uuid, content).into_iter().collect();
            }
            (Holds::Zfs { pool }, content) if self.is_of(pool, device, content) => {
                return self.pool_member(pool, device);
            }
            (Holds::Swap(swap), Content::Blank | Content::Unknown) if swap.random => {
                Said::new(State::Good, swap.shown())
            }
            (Holds::Swap(swap), Content::Swap { uuid }) => ours(Some(swap.uuid) == *uuid, "swap space".into()),
            (_, Content::Blank) => Said::new(State::Unmade, "blank"),
            (_, Content::Unreadable) => Said::new(State::Broken, "answers nothing but errors"),
            // Inside what is ours, what no tool knows is what was there before.
            (_, Content::Unknown) if !matches!(node.kind, Kind::Disk(_)) && !node.adopted => {
                Said::new(State::Unmade, "holds nothing known")
            }
            (_, content) => Said::new(State::Foreign, format!("holds {} instead", described(content))),
        };
        vec![said]
    }

    /// Whether the MBR in front of a GPT names what it should; of a partition that is not there that itself tells.
    fn hybrid_mbr(&self, hybrid: &HybridMbr, disk: &Device, found: &[MbrEntry]) -> Option<Said> {
        let place = |id: &NodeId| self.sight.device(id)?.partition.as_ref().map(|it| (it.start, it.size));
        let text = "its MBR does not name the partitions that are declared `hybrid` as they are";
        (!is_named(hybrid, disk, found, place)?).then(|| Said::new(State::Degraded, text))
    }

    /// A member with the right superblock: does the array have it?
    fn member(&self, device: &Device, array: uuid::Uuid) -> Vec<Said> {
        let Some(array) = self.facts.arrays.iter().find(|known| known.uuid == array && known.active) else {
            return Vec::new();
        };
        let state = array.members.iter().find(|member| member.device == device.name).map(|member| member.state);
        vec![match state {
            Some(MemberState::InSync) => Said::new(State::Good, format!("member of array {}", array.name)),
            Some(MemberState::Spare) => Said::new(State::Good, format!("spare of array {}", array.name)),
            Some(MemberState::Rebuilding) => Said {
                done: Some(array.done),
                ..Said::new(State::Rebuilding, format!("being brought into step with array {}", array.name))
            },
            Some(MemberState::Replacing) => Said {
                done: Some(array.done),
                ..Said::new(State::Rebuilding, format!("being filled to take a place in array {}", array.name))
            },
            Some(MemberState::Faulty) => {
                Said::new(State::Broken, format!("failed, and was put out of array {}", array.name))
            }
            None => Said::new(State::Degraded, format!("array {} runs without it", array.name)),
        }]
    }

    fn mounted(&self, device: &Device, holds: &Holds) -> Vec<Said> {
        let Holds::Filesystem { format, mountpoint, options, .. } = holds else { return Vec::new() };
        let Some(path) = mountpoint else { return vec![Said::new(State::Good, format.word())] };
        vec![self.mounted_at(device, format.word(), None, path, options)]
    }

    /// Is this, or this subvolume of it, mounted where it belongs?
    pub(super) fn mounted_at(
        &self,
        device: &Device,
        format: &str,
        subvolume: Option<&str>,
        path: &str,
        options: &[String],
    ) -> Said {
        // On an installer the machine's own tree hangs below /mnt.
        let installer = if path == "/" { "/mnt".to_owned() } else { format!("/mnt{path}") };
        let here = |target: &str| target == path || target == installer;
        let mount =
            self.facts.mounts_of(device).find(|mount| mount.subvolume.as_deref() == subvolume && here(&mount.target));
        let wished_read_only = options.iter().any(|option| option == "ro");
        match mount {
            None => Said::new(State::NotMounted, format!("{format} is not mounted on {path}")),
            // A filesystem that the kernel found an error in is mounted read-only, or shut down.
            Some(mount) if mount.read_only && !wished_read_only => {
                Said::new(State::Broken, format!("{format} on {} can only be read", mount.target))
            }
            Some(mount) => Said::new(State::Good, format!("{format} on {}", mount.target)),
        }
    }
}

/// What is there, in a few words.
fn described(content: &Content) -> String {
    match content {
        Content::Blank => "nothing".into(),
        Content::Unknown => "unknown data".into(),
        Content::Unreadable => "what cannot be read".into(),
        Content::Table { label, .. } => format!("a partition table ({label})"),
        Content::Filesystem { format, label: Some(label), .. } => format!("{format} `{label}`"),
        Content::Filesystem { format, .. } => format.clone(),
        Content::Swap { .. } => "swap space".into(),
        Content::Member { name, .. } => format!("a member of array {name}"),
        Content::PhysicalVolume { group: Some(group), .. } => format!("a physical volume of {group}"),
        Content::PhysicalVolume { .. } => "a physical volume".into(),
        Content::Luks { version, .. } => format!("LUKS{version}"),
        Content::PoolMember { pool: Some(pool), .. } => format!("a device of ZFS pool {pool}"),
        Content::PoolMember { .. } => "a device of a ZFS pool".into(),
        Content::Other { name } => name.clone(),
    }
}
