//! Partition tables on real disks: made in one call, completed, and grown at their end.

mod attributes;
mod hybrid;
mod upkeep;

pub use hybrid::NewMbrEntry;
pub(crate) use hybrid::is_named;

use super::planner::{At, Planner, Site, Work};
use super::step::{Action, Risk, StepId};
use crate::facts::{Content, Device};
use crate::identity::short;
use crate::tree::{PartitionKind, TableKind};
use crate::wish::{HybridMbr, Kind, Node, Partition};
use crate::{Extent, Name, NodeId, Size};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use uuid::Uuid;

const MIB: u64 = 1 << 20;

/// What is done to a table.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableAction {
    /// Makes the table with all its partitions, in one call of sfdisk(8).
    Create {
        /// GPT or MBR.
        table: TableKind,
        /// Its identity.
        uuid: Uuid,
        /// MBR: mark the first partition active.
        bootable: bool,
        /// In the order on the disk.
        partitions: Vec<NewPartition>,
    },
    /// Adds a partition in free space.
    Add {
        /// The node that holds the table.
        disk: NodeId,
        /// GPT or MBR.
        table: TableKind,
        /// Which.
        partition: NewPartition,
        /// Its number.
        number: u32,
        /// First byte.
        start: u64,
    },
    /// Enlarges a partition into the free space behind it.
    Grow {
        /// The node that holds the table.
        disk: NodeId,
        /// The partition's node.
        partition: NodeId,
        /// Its number.
        number: u32,
        /// Its new size in bytes; to the end of the free space if absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
    },
    /// Sets these attribute bits of a partition in a GPT, and clears all others.
    Attributes {
        /// The node that holds the table.
        disk: NodeId,
        /// The partition's number.
        number: u32,
        /// In order.
        bits: Vec<u8>,
    },
    /// Names partitions of a GPT in the MBR in front of it, too.
    Hybrid {
        /// Does the GPT's own entry come first? Else last.
        gpt_first: bool,
        /// The other entries, in their order.
        entries: Vec<NewMbrEntry>,
        /// Bytes of a sector, in which an MBR counts.
        sector: u32,
        /// Was the table there before this plan? Then its MBR is saved first.
        saved: bool,
    },
}

/// A partition that is to be made.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NewPartition {
    /// Its node.
    pub node: NodeId,
    /// Its label (GPT).
    pub name: Name,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: PartitionKind,
    /// Its GUID (GPT).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// Its attribute bits (GPT).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<u8>,
    /// Bytes, in whole MiB; all that is left if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// A wished table.
#[derive(Clone, Copy)]
pub(super) struct Wished<'a> {
    pub kind: TableKind,
    pub uuid: Uuid,
    pub bootable: bool,
    pub hybrid: Option<&'a HybridMbr>,
    pub partitions: &'a [NodeId],
}

impl TableAction {
    pub(super) fn describe(&self, node: &NodeId) -> String {
        match self {
            Self::Create { table, partitions, .. } => {
                let shown: Vec<String> = partitions
                    .iter()
                    .map(|new| {
                        new.size.map_or_else(
                            || format!("{} (rest)", new.name),
                            |size| format!("{} ({})", new.name, Size(size)),
                        )
                    })
                    .collect();
                format!("partition {node} ({}): {}", word(*table), shown.join(", "))
            }
            Self::Add { partition, .. } => format!("add partition {}", partition.node),
            Self::Grow { partition, size: Some(size), .. } => format!("grow partition {partition} to {}", Size(*size)),
            Self::Grow { partition, size: None, .. } => {
                format!("grow partition {partition} into the free space behind it")
            }
            Self::Attributes { bits, .. } if bits.is_empty() => format!("clear the attributes of {node}"),
            Self::Attributes { bits, .. } => format!("set the attributes of {node}: {}", attributes::words(bits)),
            Self::Hybrid { entries, .. } => {
                let last = |it: &NewMbrEntry| it.partition.as_str().rsplit('.').next().unwrap_or_default().to_owned();
                let named: Vec<String> = entries.iter().map(last).collect();
                format!("name {} in the MBR of {node}, too", named.join(", "))
            }
        }
    }

    pub(super) fn commands(&self, node: &NodeId) -> Vec<Cmd> {
        let sfdisk = Cmd::new("sfdisk").args(["--quiet", "--wipe-partitions=always"]);
        // The kernel cannot read a table anew while a partition of the disk is in use; partx tells it the difference.
        let in_use = |number: &u32| {
            sfdisk.clone().args(["--force", "--no-reread", "--no-tell-kernel", "-N", &number.to_string()])
        };
        let tell = |disk: &NodeId| Cmd::new("partx").arg("--update").device(disk);
        match self {
            Self::Create { table, uuid, bootable, partitions } => {
                let mut text = match table {
                    TableKind::Gpt => format!("label: gpt\nlabel-id: {uuid}\n"),
                    TableKind::Mbr => format!("label: dos\nlabel-id: 0x{:08x}\n", short(*uuid)),
                };
                text.push_str("grain: 1M\n");
                for (at, new) in partitions.iter().enumerate() {
                    let size = new.size.map_or(String::new(), |size| format!("size={}MiB, ", size / MIB));
                    let active = if *bootable && at == 0 { ", bootable" } else { "" };
                    let _ = writeln!(text, "{size}{}{active}", described(*table, new));
                }
                // The table is written last: no partition ever shows what was there before it.
                starts(partitions)
                    .map(|start| zero(node, start))
                    .chain([sfdisk.arg("--wipe=always").device(node).input(text)])
                    .collect()
            }
            Self::Add { disk, table, partition, number, start } => {
                let size = partition.size.map_or(String::new(), |size| format!("size={}MiB, ", size / MIB));
                let text = format!("start={}MiB, {size}{}\n", start / MIB, described(*table, partition));
                // Its neighbours may be in use.
                vec![zero(disk, *start).arg("--force"), in_use(number).device(disk).input(text), tell(disk)]
            }
            Self::Grow { disk, number, size, .. } => {
                let size = size.map_or_else(|| "+".to_owned(), |size| format!("{}MiB", size / MIB));
                vec![in_use(number).device(disk).input(format!(", {size}\n")), tell(disk)]
            }
            Self::Attributes { disk, number, bits } => attributes::commands(disk, *number, bits),
            Self::Hybrid { gpt_first, entries, sector, .. } => hybrid::commands(node, *gpt_first, *sector, entries),
        }
    }

    /// The node that holds the table.
    pub(super) fn disk<'a>(&'a self, node: &'a NodeId) -> &'a NodeId {
        match self {
            Self::Create { .. } | Self::Hybrid { .. } => node,
            Self::Add { disk, .. } | Self::Grow { disk, .. } | Self::Attributes { disk, .. } => disk,
        }
    }
}

/// Where each of these partitions of a new table begins, in bytes.
pub(super) fn starts(partitions: &[NewPartition]) -> impl Iterator<Item = u64> {
    let sizes = partitions.iter().map(|new| new.size.unwrap_or_default());
    sizes.scan(MIB, |end, size| Some(std::mem::replace(end, *end + size)))
}

/// Zeroes the MiB at which a partition will begin.
fn zero(disk: &NodeId, start: u64) -> Cmd {
    Cmd::new("blkdiscard")
        .args(["--zeroout", "--offset", &start.to_string(), "--length", &MIB.to_string()])
        .device(disk)
}

fn word(table: TableKind) -> &'static str {
    match table {
        TableKind::Gpt => "GPT",
        TableKind::Mbr => "MBR",
    }
}

/// A partition's line for sfdisk, behind where it lies.
fn described(table: TableKind, new: &NewPartition) -> String {
    let kind = code(table, new.kind);
    let Some(uuid) = new.uuid else { return format!("type={kind}") };
    let attrs = attributes::words(&new.attributes);
    let attrs = if attrs.is_empty() { attrs } else { format!(", attrs=\"{attrs}\"") };
    format!("type={kind}, uuid={uuid}, name=\"{}\"{attrs}", new.name)
}

/// Type GUIDs of the Discoverable Partitions Specification, and the DOS types that go with them.
fn code(table: TableKind, kind: PartitionKind) -> &'static str {
    let (gpt, mbr) = match kind {
        PartitionKind::Linux => ("0FC63DAF-8483-4772-8E79-3D69D8477DE4", "83"),
        PartitionKind::Efi => ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "ef"),
        PartitionKind::BiosBoot => ("21686148-6449-6E6F-744E-656564454649", "83"),
        PartitionKind::LinuxSwap => ("0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "82"),
        PartitionKind::LinuxRaid => ("A19D880F-05FC-4D3B-A006-743F0F84911E", "fd"),
        PartitionKind::LinuxLvm => ("E6D6D379-F507-44C2-A23C-238F2A3DF928", "8e"),
    };
    match table {
        TableKind::Gpt => gpt,
        TableKind::Mbr => mbr,
    }
}

pub(super) fn plan<'a>(planner: &mut Planner<'a>, node: &'a Node, base: &Site<'a>, wished: &Wished<'a>) {
    let (at, after) = match base.at {
        At::Here(device) if ours(&device.content, wished) => {
            upkeep::complete(planner, node, device, base, wished);
            return;
        }
        At::Here(device) if planner.vacant(&node.id, device) && planner.refuse_used(&node.id, device) => {
            (At::Blocked, Vec::new())
        }
        At::Here(device) if planner.vacant(&node.id, device) => create(planner, node, Some(device), base, wished),
        At::Here(device) => {
            planner.refuse_foreign(&node.id, device);
            (At::Blocked, Vec::new())
        }
        At::Made => create(planner, node, None, base, wished),
        other => (other, base.after.clone()),
    };
    for partition in wished.partitions {
        planner.place(partition, at, after.clone());
    }
}

fn ours(content: &Content, wished: &Wished) -> bool {
    let Content::Table { label, uuid, id, .. } = content else { return false };
    match wished.kind {
        TableKind::Gpt => label == "gpt" && *uuid == Some(wished.uuid),
        TableKind::Mbr => label == "dos" && *id == Some(short(wished.uuid)),
    }
}

fn create<'a>(
    planner: &mut Planner<'a>,
    node: &Node,
    device: Option<&Device>,
    base: &Site,
    wished: &Wished,
) -> (At<'a>, Vec<StepId>) {
    let partitions: Vec<(&NodeId, &Partition)> = declared(planner, wished);
    // A MiB in front for alignment, and one behind for the second copy of a GPT.
    let room = device.map(|device| device.size.saturating_sub(2 * MIB));
    let fixed: u64 = partitions.iter().filter_map(|(_, partition)| fixed(partition)).sum();
    if let Some(room) = room.filter(|room| *room < fixed + MIB) {
        let reason = format!("its partitions need {}, and it has {}", Size(fixed + 2 * MIB), Size(room + 2 * MIB));
        planner.refuse(&node.id, reason, "declare smaller partitions, or use a larger disk");
        return (At::Blocked, Vec::new());
    }
    let share = |percent: u8| room.map(|room| (room - fixed) / 100 * u64::from(percent) / MIB * MIB);
    let mut new = Vec::new();
    for (id, partition) in &partitions {
        let size = match partition.size {
            Extent::Size(_) => self::fixed(partition),
            Extent::Percent(percent) => match share(percent) {
                Some(size) => Some(size.max(MIB)),
                // The size of what is not made yet is not known yet.
                None => return (At::Hidden, base.after.clone()),
            },
            Extent::End => None,
        };
        new.push(new_partition(id, partition, size));
    }
    let sizes = new.iter().map(|new| (new.node.clone(), new.size));
    let extents = starts(&new).zip(sizes).filter_map(|(start, (node, size))| Some((node, (start, size?)))).collect();
    let what =
        TableAction::Create { table: wished.kind, uuid: wished.uuid, bootable: wished.bootable, partitions: new };
    let blank = device.filter(|device| device.content == Content::Blank).map(|_| node.id.clone());
    let work = Work { after: base.after.clone(), touches: vec![node.id.clone()], blank: blank.into_iter().collect() };
    let made = planner.add(&node.id, "table", Action::Table(what), Risk::Creates, work);
    let named = device.and_then(|disk| hybrid::plan(planner, node, disk, wished, &extents, vec![made.clone()]));
    (At::Made, vec![settled(planner, node, named.unwrap_or(made))])
}

/// The step that waits for all new partitions; it stands behind every step that changes a table.
fn settled(planner: &mut Planner, node: &Node, made: StepId) -> StepId {
    let id = StepId("partitions/settle".to_owned());
    match planner.plan.steps.iter().position(|step| step.id == id) {
        // A table on top of something that itself waited for partitions needs a wait of its own.
        Some(at) if !waits_for(planner, &made, &id) => {
            planner.wait_also(at, made);
            id
        }
        Some(_) => {
            planner.add(&node.id, "settle", Action::Settle, Risk::None, Work { after: vec![made], ..Work::default() })
        }
        None => planner.add(
            &"partitions".into(),
            "settle",
            Action::Settle,
            Risk::None,
            Work { after: vec![made], ..Work::default() },
        ),
    }
}

fn waits_for(planner: &Planner, step: &StepId, other: &StepId) -> bool {
    let Some(step) = planner.plan.steps.iter().find(|known| known.id == *step) else { return false };
    step.after.iter().any(|before| before == other || waits_for(planner, before, other))
}

fn declared<'a>(planner: &Planner<'a>, wished: &Wished) -> Vec<(&'a NodeId, &'a Partition)> {
    let nodes = wished.partitions.iter().filter_map(|id| planner.wish.node(id));
    nodes
        .filter_map(|node| if let Kind::Partition(partition) = &node.kind { Some((&node.id, partition)) } else { None })
        .collect()
}

fn new_partition(id: &NodeId, partition: &Partition, size: Option<u64>) -> NewPartition {
    let &Partition { kind, uuid, .. } = partition;
    let attributes = partition.attributes.clone().unwrap_or_default();
    NewPartition { node: id.clone(), name: partition.name.clone(), kind, uuid, attributes, size }
}

/// A size in bytes as it is made: whole MiB.
fn fixed(partition: &Partition) -> Option<u64> {
    if let Extent::Size(size) = partition.size { Some(size.0.div_ceil(MIB) * MIB) } else { None }
}
