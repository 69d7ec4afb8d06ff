//! The facts put together from what the tools printed, each of which knows a part; the forms are the parsers' business.

use super::kernel::{Files, MountLine};
use super::lvm::{self, Physical};
use super::sections::{NOT_FOUND, Section, Sections};
use super::whole::{all_btrfs, arrays, below_zvol, pools};
use super::wipefs::{Above, Signature, shows_through};
use super::{links, lsblk, luks, sfdisk, superblock, wipefs, zfs};
use crate::facts::{Content, Device, DeviceKind, Facts, FactsError, Group, Mount, Nodev, Partition};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Reads what the script ([`super::SCRIPT`]) printed. Output that breaks off, tools that are missing or failed, and facts
/// that contradict one another are refused with their reason.
pub fn parse(output: &str) -> Result<Facts, FactsError> {
    let sections = Sections::cut(output)?;
    if let Some(device) = sections.tool("unreadable", "sh")?.lines().find(|line| !line.trim().is_empty()) {
        return Err(FactsError::NotRoot { device: device.to_owned() });
    }
    let rows = lsblk::parse(sections.tool("lsblk", "lsblk")?)?;
    let known = Known { rows: &rows, links: links::parse(sections.get("links")?.text) };
    let signatures = wipefs::parse(sections.tool("signatures", "wipefs")?)?;
    let files = Files::parse(whatever(sections.get("files")?, "grep")?)?;
    let (groups, physical) = volumes(&sections, &signatures, &known)?;
    let slaves: Vec<_> = sections.tool("slaves", "sh")?.lines().filter_map(|line| line.split_once(' ')).collect();
    let look = Look {
        sections: &sections,
        slaves: &slaves,
        signatures,
        heads: heads(&sections)?,
        ends: ends(&sections)?,
        luks: headers(&sections)?,
        zero: whatever(sections.get("zero")?, "cmp"),
        physical,
        known: &known,
    };

    let pools = pools(&look, &files)?;
    let mut devices = Vec::new();
    let mut partitions: BTreeMap<String, Partition> = BTreeMap::new();
    for row in &rows {
        let content = look.content(row, &mut partitions)?;
        let disk = row.kind == DeviceKind::Disk;
        let mut parents: Vec<String> =
            slaves.iter().filter(|(name, _)| *name == row.name).map(|(_, parent)| parent.replace('!', "/")).collect();
        if row.kind == DeviceKind::Zvol {
            parents.extend(below_zvol(&pools, known.links.get(row.name.as_str()).map_or(&[], Vec::as_slice)));
        }
        parents.extend(row.parent.clone().filter(|_| row.kind == DeviceKind::Partition));
        devices.push(Device {
            name: row.name.clone(),
            path: row.path.clone(),
            kind: row.kind,
            size: row.size,
            sector: row.sector,
            serial: row.serial.clone().filter(|_| disk),
            wwn: row.wwn.clone().filter(|_| disk),
            model: row.model.clone().filter(|_| disk),
            transport: row.transport.clone().filter(|_| disk),
            removable: row.removable,
            rotational: row.rotational,
            read_only: row.read_only,
            links: known.links.get(row.name.as_str()).into_iter().flatten().map(|link| (*link).to_owned()).collect(),
            parents,
            partition: None,
            content,
        });
    }
    for (path, partition) in partitions {
        let device = devices.iter_mut().find(|device| device.path == path);
        let device = device.ok_or_else(|| FactsError::Senseless {
            place: format!("partition {path}"),
            reason: "the table has it, and the kernel does not know it".into(),
            remedy: "run `partprobe` on the machine, or boot it anew, then probe again".into(),
        })?;
        device.partition = Some(partition);
    }
    // What is good to know and needed for no disk: without it the facts are facts all the same.
    let extra = |name: &str| sections.get(name).map_or("", |section| section.text);
    let mut machine = files.machine(sections.tool("machine", "uname")?, extra("links"), extra("addresses"));
    machine.enrol = luks::enrol(sections.get("enrol"));
    let facts = Facts {
        version: Facts::VERSION,
        machine,
        arrays: arrays(&files, &devices),
        btrfs: all_btrfs(&look, &devices)?,
        groups,
        pools,
        mounts: mounts(files.mounts(), &known),
        nodev: nodev(&files),
        swaps: files.swaps().iter().filter_map(|path| known.name(path)).collect(),
        devices,
    };
    facts.validate()?;
    Ok(facts)
}

/// What a section says whose tool's exit status tells nothing, as long as the tool is there.
fn whatever<'a>(section: Section<'a>, tool: &'static str) -> Result<&'a str, FactsError> {
    match section.status {
        NOT_FOUND => Err(FactsError::NoTool { tool, needed: "it is what the disks are looked at with".into() }),
        _ => Ok(section.text),
    }
}

/// Which device a path means.
pub(super) struct Known<'a> {
    rows: &'a [lsblk::Row],
    links: BTreeMap<&'a str, Vec<&'a str>>,
}

impl Known<'_> {
    pub fn name(&self, path: &str) -> Option<String> {
        let row = self.rows.iter().find(|row| row.path == path || path.strip_prefix("/dev/") == Some(&row.name));
        let linked = || self.links.iter().find(|(_, links)| links.contains(&path)).map(|(name, _)| (*name).to_owned());
        row.map(|row| row.name.clone()).or_else(linked)
    }
}

/// Only a machine with such members prints them.
fn ends(sections: &Sections<'_>) -> Result<BTreeMap<String, Vec<u8>>, FactsError> {
    match sections.get("ends") {
        Ok(section) => superblock::heads_of(whatever(section, "od")?, superblock::END),
        Err(_) => Ok(BTreeMap::new()),
    }
}

fn heads(sections: &Sections<'_>) -> Result<BTreeMap<String, Vec<u8>>, FactsError> {
    superblock::heads(whatever(sections.get("heads")?, "od")?)
}

/// Headers of LUKS; a probe of a machine that has none does not ask for any.
fn headers(sections: &Sections<'_>) -> Result<BTreeMap<String, Vec<u8>>, FactsError> {
    match sections.get("luks") {
        Ok(section) => superblock::heads_of(whatever(section, "od")?, luks::HEAD),
        Err(_) => Ok(BTreeMap::new()),
    }
}

fn volumes(
    sections: &Sections<'_>,
    signatures: &BTreeMap<String, Vec<Signature>>,
    known: &Known<'_>,
) -> Result<(Vec<Group>, Vec<Physical>), FactsError> {
    let section = sections.get("lvm")?;
    if section.status == NOT_FOUND {
        let holds = |kinds: &[Signature]| kinds.iter().any(|signature| signature.kind == "LVM2_member");
        let device = signatures.iter().find(|(_, kinds)| holds(kinds)).map_or("a device", |(name, _)| name.as_str());
        let needed = format!("`{device}` is an LVM physical volume");
        return Err(FactsError::NoTool { tool: "lvm", needed });
    }
    // LVM's exit status is 5 when a volume is missing; it reports all the same.
    let (mut groups, physical) = match lvm::parse(section.text) {
        read if section.status != 0 && (read.is_err() || section.text.trim().is_empty()) => {
            return Err(FactsError::ToolFailed { tool: "lvm fullreport".into(), status: section.status });
        }
        read => read?,
    };
    for volume in groups.iter_mut().flat_map(|group| &mut group.volumes) {
        volume.on = volume.on.iter().filter_map(|path| known.name(path)).collect();
        volume.on.sort();
        volume.on.dedup();
    }
    Ok((groups, physical))
}

/// All that tells what a device holds.
pub(super) struct Look<'a> {
    pub sections: &'a Sections<'a>,
    /// What lies on what, by the kernel's word.
    slaves: &'a [(&'a str, &'a str)],
    signatures: BTreeMap<String, Vec<Signature>>,
    heads: BTreeMap<String, Vec<u8>>,
    /// Superblocks of md that stand at their device's end.
    ends: BTreeMap<String, Vec<u8>>,
    luks: BTreeMap<String, Vec<u8>>,
    zero: Result<&'a str, FactsError>,
    physical: Vec<Physical>,
    pub known: &'a Known<'a>,
}

impl Look<'_> {
    /// What lies on a device; an array that does not run has no device.
    fn above(&self, row: &lsblk::Row) -> Above {
        let lies =
            |name: &str| self.slaves.iter().any(|(above, below)| *above == name && below.replace('!', "/") == row.name);
        let above = |it: &&lsblk::Row| it.kind == DeviceKind::Partition && it.parent.as_ref() == Some(&row.name);
        match self.known.rows.iter().find(|it| above(it) || lies(&it.name)) {
            None => Above::Nothing,
            Some(it) if it.kind == DeviceKind::Array => Above::Array,
            Some(_) => Above::Other,
        }
    }

    /// What a filesystem says of itself; a mounted XFS says it to the kernel, which is newer than what stands on the device.
    fn superblock(&self, kind: &str, raw: &str, head: &[u8]) -> Option<superblock::Filesystem> {
        let mut found = match kind {
            "xfs" => superblock::xfs(head),
            "f2fs" => superblock::f2fs(head),
            _ => superblock::ext(head),
        }?;
        let geometry = self.sections.get(&format!("xfs:{raw}")).ok();
        if let Some(size) = geometry.and_then(|section| superblock::xfs_spans(section.text)) {
            found.size = size;
        }
        Some(found)
    }

    /// What the device holds; of a table also the partitions, by path.
    fn content(&self, row: &lsblk::Row, partitions: &mut BTreeMap<String, Partition>) -> Result<Content, FactsError> {
        let raw = format!("/dev/{}", row.name);
        let head = self.heads.get(&raw).map(Vec::as_slice).unwrap_or_default();
        let signature = match self.signatures.get(&row.name).map(Vec::as_slice).unwrap_or_default() {
            [] => {
                let said = |word: &str| Ok(self.zero.clone()?.lines().any(|line| line == format!("{raw}{word}")));
                return Ok(match (said("")?, said(" unreadable")?) {
                    (true, _) => Content::Blank,
                    (false, true) => Content::Unreadable,
                    (false, false) => Content::Unknown,
                });
            }
            [signature] => signature,
            several => {
                let at_its_end = self.ends.get(&raw).is_some_and(|end| superblock::md(end).is_some());
                match shows_through(several, self.above(row)).filter(|_| at_its_end) {
                    Some(own) => own,
                    None => return Ok(Content::Other { name: "ambiguous".into() }),
                }
            }
        };
        let other = |why: &str| Content::Other { name: format!("{}{why}", signature.kind) };
        let (uuid, label) = (signature.uuid.clone(), signature.label.clone());
        Ok(match signature.kind.as_str() {
            "gpt" | "dos" => {
                let section = format!("table:{raw}");
                let text = match self.sections.get(&section)? {
                    Section { status: 0, text } => text,
                    Section { status: NOT_FOUND, .. } => {
                        let needed = format!("`{}` holds a partition table", row.name);
                        return Err(FactsError::NoTool { tool: "sfdisk", needed });
                    }
                    // libblkid sees a table that sfdisk cannot read, a broken one: nothing is to be taken for free.
                    Section { .. } => return Ok(other(" (broken table)")),
                };
                let (content, found) = sfdisk::parse(text, &raw, row.size, row.sector, head)?;
                // Copied from a larger disk, say: the disk is foreign, and the machine's others are not to suffer.
                if matches!(content, Content::Table { first, end, .. } if first > end || end > row.size) {
                    return Ok(other(" (broken table)"));
                }
                partitions.extend(found);
                content
            }
            "xfs" | "ext2" | "ext3" | "ext4" | "f2fs" => {
                let Some(superblock) = self.superblock(&signature.kind, &raw, head) else {
                    return Ok(other(" (unreadable)"));
                };
                if superblock.size > row.size {
                    return Ok(other(" (larger than its device)"));
                }
                Content::Filesystem {
                    format: signature.kind.clone(),
                    uuid,
                    label,
                    size: Some(superblock.size),
                    block: Some(superblock.block),
                    unfinished: superblock.unfinished,
                }
            }
            // The devices of a btrfs are looked at together, see `all_btrfs`.
            format @ ("vfat" | "btrfs") => {
                Content::Filesystem { format: format.into(), uuid, label, size: None, block: None, unfinished: false }
            }
            "crypto_LUKS" => {
                let uuid = uuid.and_then(|uuid| Uuid::try_parse(&uuid).ok());
                // Its first header is gone, or the probe did not show it: what is behind it may be all there.
                let Some(header) = self.luks.get(&raw).and_then(|head| luks::header(head)) else {
                    return Ok(other(" (its header is damaged)"));
                };
                header.content(uuid, label)
            }
            "swap" => Content::Swap { uuid: uuid.and_then(|uuid| Uuid::try_parse(&uuid).ok()) },
            "linux_raid_member" => match superblock::md(head).or_else(|| superblock::md(self.ends.get(&raw)?)) {
                Some(member) => Content::Member {
                    array: member.array,
                    name: member.name,
                    level: member.level.into(),
                    devices: member.devices,
                    events: member.events,
                    slot: member.slot,
                    dirty: member.dirty,
                    recovering: member.recovering,
                },
                // Metadata 0.90, or a firmware's: it stands at the device's end.
                None => other(" (metadata at its end)"),
            },
            // Without its tools it is known by its mark alone.
            "zfs_member" => {
                let told = self.sections.get(&format!("zfs:{raw}")).ok();
                told.and_then(|section| zfs::label(section.text)).unwrap_or_else(|| other(""))
            }
            "LVM2_member" => {
                let known = self.physical.iter().find(|pv| self.known.name(&pv.path).as_ref() == Some(&row.name));
                match known {
                    Some(pv) if pv.group.as_deref() == Some(lvm::UNKNOWN) => other(" (its group is not to be found)"),
                    Some(pv) => Content::PhysicalVolume {
                        uuid: pv.uuid.clone(),
                        group: pv.group.clone(),
                        size: pv.size,
                        used: pv.used,
                    },
                    // Filtered out, or one of two copies: whether a group lies on it cannot be told.
                    None => other(" (unknown to LVM)"),
                }
            }
            _ => other(""),
        })
    }
}

/// Filesystems in memory, without those that every Linux has.
fn nodev(files: &Files<'_>) -> Vec<Nodev> {
    let own = |target: &str| {
        ["/dev", "/proc", "/run", "/sys"]
            .iter()
            .any(|top| target.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    let lines = files.mounts().into_iter();
    let in_memory = lines.filter(|line| matches!(line.format.as_str(), "tmpfs" | "ramfs") && !own(&line.target));
    in_memory.map(|line| Nodev { fstype: line.format, target: line.target }).collect()
}

/// Mounts of known devices. A part of a filesystem that is mounted beside the whole (a bind mount) is left out, for it
/// goes with the whole; without the whole it stands for it. A subvolume that is mounted as such is a mount of its own.
fn mounts(lines: Vec<MountLine>, known: &Known<'_>) -> Vec<Mount> {
    let device = |line: &MountLine| {
        let row = known.rows.iter().find(|row| row.number == line.number);
        row.map(|row| row.name.clone()).or_else(|| known.name(&line.source))
    };
    let own: Vec<_> = lines.into_iter().filter_map(|line| device(&line).map(|device| (device, line))).collect();
    let whole: Vec<_> = own.iter().filter(|(_, line)| line.root == "/").map(|(device, _)| device.clone()).collect();
    let as_such = |line: &MountLine| line.subvolume.as_ref() == Some(&line.root);
    let kept = own.into_iter().filter(|(device, line)| as_such(line) || line.root == "/" || !whole.contains(device));
    let mounts = kept.map(|(device, line)| Mount {
        device,
        subvolume: line.subvolume.map(|path| path.trim_matches('/').to_owned()).filter(|path| !path.is_empty()),
        target: line.target,
        format: line.format,
        read_only: line.read_only,
    });
    mounts.collect()
}
