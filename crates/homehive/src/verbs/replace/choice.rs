//! Which disk goes and which comes, and by which marks the fleet will know the new one. Pure.

use crate::failure::Failure;
use storage::facts::{Content, Device, DeviceKind, Facts};
use storage::plan::Sight;
use storage::wish::{Disk, Holds, Kind, Node};
use storage::{NodeId, Size, Wish};

/// A disk that goes and one that comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The node, which stays.
    pub node: NodeId,
    /// What is declared of it and has to be another now.
    pub marks: Vec<(&'static str, String)>,
    /// Is the new disk declared already?
    pub is_declared: bool,
}

/// Finds both, or says why not.
pub fn choose(wish: &Wish, facts: &Facts, old: &str, new: &str) -> Result<Choice, Failure> {
    let sight = Sight::new(wish, facts);
    let coming = coming(facts, &sight, new)?;
    let declared = sight.node(&coming.name);
    let Some((node, disk)) = going(wish, &sight, old) else {
        let known: Vec<String> = disks(wish).map(|(node, disk)| shown(&node.id, disk)).collect();
        let known = format!("declared: {}", known.join(", "));
        // A serial number that the fleet file has given up is one of these too; a typing error looks the same.
        let help = declared.map_or_else(String::new, |node| {
            format!("\n  `{new}` is {node} already: if it takes the old one's place, name that by {node}")
        });
        return Err(Failure::usage(format!("no disk `{old}` is declared"), format!("{known}{help}")));
    };
    match declared {
        Some(same) if *same == node.id => {
            return Ok(Choice { node: node.id.clone(), marks: Vec::new(), is_declared: true });
        }
        Some(other) => {
            let help = "name a disk that the fleet does not declare, or take that one out of the fleet file first";
            return Err(Failure::usage(format!("`{new}` is {other}"), help));
        }
        None => {}
    }
    if let Some(there) = sight.device(&node.id).filter(|device| device.content != Content::Unreadable) {
        serves_elsewhere(wish, node, there)?;
    }
    Ok(Choice { node: node.id.clone(), marks: marks(&node.id, disk, coming)?, is_declared: false })
}

fn disks(wish: &Wish) -> impl Iterator<Item = (&Node, &Disk)> {
    wish.nodes.iter().filter_map(|node| if let Kind::Disk(disk) = &node.kind { Some((node, disk)) } else { None })
}

fn shown(id: &NodeId, disk: &Disk) -> String {
    disk.serial.as_ref().map_or_else(|| id.to_string(), |serial| format!("{id} (serial {serial})"))
}

/// The declared disk that is meant: by its node, by the serial number that is declared, or by the one that is found.
fn going<'w>(wish: &'w Wish, sight: &Sight<'_>, old: &str) -> Option<(&'w Node, &'w Disk)> {
    let named = |node: &Node| node.id.as_str() == old || node.id.as_str().strip_prefix("disk.") == Some(old);
    let is = |serial: Option<&String>| serial.is_some_and(|serial| serial.trim() == old.trim());
    disks(wish)
        .find(|(node, _)| named(node))
        .or_else(|| disks(wish).find(|(_, disk)| is(disk.serial.as_ref())))
        .or_else(|| disks(wish).find(|(node, _)| is(sight.device(&node.id).and_then(|it| it.serial.as_ref()))))
}

/// The connected disk that is meant.
fn coming<'f>(facts: &'f Facts, sight: &Sight<'_>, new: &str) -> Result<&'f Device, Failure> {
    let all = || facts.devices.iter().filter(|device| device.kind == DeviceKind::Disk);
    let is = |device: &&Device| {
        device.serial.as_deref().is_some_and(|serial| serial.trim() == new.trim())
            || device.links.iter().any(|link| link == new)
    };
    let found: Vec<&Device> = all().filter(is).collect();
    if let [device] = found[..] {
        return Ok(device);
    }
    let free = all().filter(|device| sight.node(&device.name).is_none()).map(|device| {
        let serial = device.serial.as_deref().unwrap_or("no serial number");
        format!("{serial} ({}, {})", device.model.as_deref().unwrap_or("disk"), Size(device.size))
    });
    let free: Vec<String> = free.collect();
    let help = if free.is_empty() {
        "no disk is connected that the fleet does not declare".to_owned()
    } else {
        format!("connected and not declared: {}", free.join(", "))
    };
    let several = if found.is_empty() { "no connected disk is" } else { "several connected disks are" };
    Err(Failure::usage(format!("{several} `{new}`"), help))
}

/// A disk that is there is replaced while it serves only where nothing but members of md arrays is on it.
fn serves_elsewhere(wish: &Wish, disk: &Node, there: &Device) -> Result<(), Failure> {
    let on = |node: &&Node| node.id == disk.id || matches!(node.kind, Kind::Partition(_)) && node.on.contains(&disk.id);
    let other = wish.nodes.iter().filter(on).find_map(|node| {
        let (what, way) = match node.holds.as_ref()? {
            Holds::Table { .. } | Holds::Member { .. } => return None,
            Holds::PhysicalVolume { .. } => {
                ("a physical volume", "declare the new disk beside it, apply, then pvmove(8) and vgreduce(8)")
            }
            Holds::Btrfs(_) | Holds::BtrfsMember { .. } => (
                "a device of a btrfs",
                "`btrfs replace start` on the machine, then write the new marks into the fleet file",
            ),
            Holds::Zfs { .. } => (
                "a device of a ZFS pool",
                "write the marks of the new disk into the fleet file and apply: ZFS fills it while the other serves",
            ),
            Holds::Luks { .. } => {
                ("an encrypted device", "take what lies on it out of its array or group first, then the disk")
            }
            Holds::Filesystem { .. } => {
                ("a filesystem", "declare the new disk beside it, apply, and copy what is on it")
            }
            Holds::Swap { .. } => ("swap space", "swapoff it, take the disk out, and replace it then"),
        };
        Some((node.id.clone(), what, way))
    });
    match other {
        Some((node, what, way)) if there.content != Content::Blank => Err(Failure::Refused(format!(
            "{} is there, and {node} is {what}: only members of md arrays are replaced while they serve\n  {way}; or, if it is dead, take it out first",
            disk.id
        ))),
        _ => Ok(()),
    }
}

/// What is declared of a disk and is another for the new one.
fn marks(id: &NodeId, disk: &Disk, new: &Device) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut marks = Vec::new();
    for (key, old, found) in [
        ("serial", &disk.serial, new.serial.clone()),
        ("wwn", &disk.wwn, new.wwn.clone()),
        ("model", &disk.model, new.model.clone()),
        ("device", &disk.device, disk.device.as_ref().and_then(|old| link(old, new))),
    ] {
        let Some(old) = old else { continue };
        let found = found.ok_or_else(|| {
            Failure::usage(
                format!("{id} is declared by its `{key}`, and the new disk has none"),
                "declare it by something else first",
            )
        })?;
        if *old != found {
            marks.push((key, found));
        }
    }
    if disk.size.is_some_and(|size| size.0 != new.size) {
        marks.push(("size", Size(new.size).exact()));
    }
    Ok(marks)
}

/// The new disk's link that is most like the old one's; a link by place, such as a slot of a backplane, may be the same.
fn link(old: &str, new: &Device) -> Option<String> {
    let like = |link: &String| link.bytes().zip(old.bytes()).take_while(|(one, other)| one == other).count();
    new.links.iter().filter(|link| link.starts_with("/dev/disk/")).max_by_key(|link| like(link)).cloned()
}

#[cfg(test)]
mod tests {
    use super::{Choice, choose};
    use fleet::{Fleet, Format};
    use storage::Wish;
    use storage::facts::{Content, Facts};

    const SIX: &str = include_str!("../../../../../examples/layouts/raid6-lvm-xfs.toml");

    fn wish(edit: &[(&str, &str)]) -> Wish {
        // The lab's disks are small ones.
        let text = edit.iter().fold(SIX.replace(", size = \"1TiB\"", ""), |text, (from, to)| text.replace(from, to));
        let fleet = Fleet::parse(&text, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
        let name = fleet.machines.keys().next().unwrap().clone();
        fleet.wish(&name).unwrap()
    }

    /// `one` of the lab, whose disk D is not there, with a new disk.
    fn facts() -> Facts {
        let mut facts =
            storage::probe::parse(include_str!("../../../../storage/tests/fixtures/living/dirty.txt")).unwrap();
        let mut new = facts.devices.iter().find(|it| it.serial.as_deref() == Some("A")).unwrap().clone();
        (new.name, new.path, new.serial) = ("sdx".into(), "/dev/sdx".into(), Some("NEW".into()));
        new.links = vec!["/dev/disk/by-id/ata-QEMU_HARDDISK_NEW".into(), "/dev/disk/by-path/pci-1".into()];
        new.content = Content::Blank;
        facts.devices.push(new);
        facts
    }

    fn chosen(wish: &Wish, old: &str, new: &str) -> Result<Choice, String> {
        choose(wish, &facts(), old, new).map_err(|failure| failure.to_string())
    }

    #[test]
    fn disks_are_named_by_node_or_serial() {
        let new = || Ok(Choice { node: "disk.d".into(), marks: vec![("serial", "NEW".into())], is_declared: false });
        for (old, by) in [("disk.d", "NEW"), ("d", "NEW"), ("D", "NEW"), ("D", "/dev/disk/by-path/pci-1")] {
            assert_eq!(chosen(&wish(&[]), old, by), new(), "{old} {by}");
        }
        // A member that is whole is replaced while it serves, and so is one that answers nothing.
        for old in ["disk.a", "disk.c"] {
            assert_eq!(chosen(&wish(&[]), old, "NEW").unwrap().node.as_str(), old);
        }
        // Once more, by its node: it goes on.
        let again = wish(&[("serial = \"D\"", "serial = \"NEW\"")]);
        for old in ["disk.d", "d", "NEW"] {
            let choice = chosen(&again, old, "NEW").unwrap();
            assert_eq!((choice.node.as_str(), choice.is_declared), ("disk.d", true), "{old}");
        }
    }

    #[test]
    fn all_marks_that_are_declared_are_the_new_disks() {
        let path = ("d = { serial = \"D\"", "d = { serial = \"D\", device = \"/dev/disk/by-id/ata-QEMU_HARDDISK_D\"");
        let place = ("d = { serial = \"D\"", "d = { device = \"/dev/disk/by-path/pci-1\"");
        let sized = ("d = { serial = \"D\"", "d = { serial = \"D\", size = \"1TiB\"");
        let wwn = ("d = { serial = \"D\"", "d = { wwn = \"0x5\"");
        let marks = |edit| chosen(&wish(&[edit]), "disk.d", "NEW").map(|choice| choice.marks);
        let text = |text: &str| text.to_owned();
        let link = ("device", text("/dev/disk/by-id/ata-QEMU_HARDDISK_NEW"));
        assert_eq!(marks(path), Ok(vec![("serial", text("NEW")), link]));
        assert_eq!(marks(sized), Ok(vec![("serial", text("NEW")), ("size", text("360MiB"))]));
        // In the same place of the backplane: it is declared already.
        assert!(chosen(&wish(&[place]), "disk.d", "NEW").unwrap().is_declared);
        assert!(marks(wwn).unwrap_err().contains("`wwn`, and the new disk has none"));
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (case, old, new, told) in [
            ("no such disk", "disk.z", "NEW", "no disk `disk.z` is declared"),
            ("no such disk, and nothing to come", "typo", "A", "no disk `typo` is declared"),
            ("given up before", "typo", "A", "`A` is disk.a already"),
            ("not connected", "disk.d", "OTHER", "NEW (QEMU HARDDISK, 360MiB)"),
            ("declared", "disk.d", "A", "`A` is disk.a"),
            ("holds more than members", "disk.system", "NEW", "disk.system.boot is a filesystem"),
        ] {
            let system = ("/dev/disk/by-id/ata-SYSTEM", "/dev/disk/by-id/ata-QEMU_HARDDISK_SYSTEM");
            let text = chosen(&wish(&[system]), old, new).unwrap_err();
            assert!(text.contains(told), "{case}: {text}");
        }
    }
}
