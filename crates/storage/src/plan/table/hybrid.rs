//! The MBR in front of a GPT that names partitions, too: written by sfdisk(8), which touches the first sector alone and keeps
//! what a boot loader has in it.

use super::{MIB, TableAction, Wished};
use crate::NodeId;
use crate::facts::{Content, Device, MbrEntry};
use crate::plan::planner::{Planner, Work};
use crate::plan::step::{Action, Risk, StepId, settle};
use crate::tree::MbrType;
use crate::wish::{HybridEntry, HybridMbr, Node};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where partitions lie: first byte and bytes.
pub(super) type Extents = BTreeMap<NodeId, (u64, u64)>;

/// A partition that the MBR is to name.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NewMbrEntry {
    /// Which.
    pub partition: NodeId,
    /// Its type in the MBR.
    #[serde(rename = "type")]
    pub kind: MbrType,
    /// Mark it active?
    pub active: bool,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}

/// The whole MBR, written where only the GPT was in it, or in the place of another hybrid one.
pub(super) fn commands(node: &NodeId, gpt_first: bool, sector: u32, entries: &[NewMbrEntry]) -> Vec<Cmd> {
    let mut text = String::from("label: dos\nlabel-id: 0x00000000\n");
    // A bare number counts sectors; MiB are the same on every disk.
    let place = |bytes: u64| {
        if bytes.is_multiple_of(MIB) { format!("{}MiB", bytes / MIB) } else { (bytes / u64::from(sector)).to_string() }
    };
    for (number, entry) in (1 + u32::from(gpt_first)..).zip(entries) {
        let active = if entry.active { ", bootable" } else { "" };
        let (start, size) = (place(entry.start), place(entry.size));
        let _ = writeln!(text, "{number} : start={start}, size={size}, type={:02x}{active}", entry.kind.0);
    }
    // The GPT's own goes up to the first of the others.
    let _ = writeln!(text, "{} : start=1, type=ee", if gpt_first { 1 } else { entries.len() + 1 });
    let sfdisk = Cmd::new("sfdisk")
        .args(["--quiet", "--label-nested", "dos", "--wipe=never", "--wipe-partitions=never"])
        .args(["--force", "--no-reread", "--no-tell-kernel"])
        .device(node)
        .input(text);
    // Once the disk is closed, udev may have the kernel read the table anew.
    vec![sfdisk, settle()]
}

/// What a probe shows when it is written.
fn shown(gpt_first: bool, sector: u32, entries: &[NewMbrEntry]) -> Vec<MbrEntry> {
    let sector = u64::from(sector);
    let first = entries.iter().map(|entry| entry.start).min().unwrap_or(sector);
    let size = first.saturating_sub(sector);
    let gpt = MbrEntry { number: 0, kind: MbrType::GPT, active: false, start: sector, size };
    let named = entries.iter().map(|it| {
        let &NewMbrEntry { kind, active, start, size, .. } = it;
        MbrEntry { number: 0, kind, active, start, size }
    });
    let mut all: Vec<MbrEntry> =
        if gpt_first { std::iter::once(gpt).chain(named).collect() } else { named.chain([gpt]).collect() };
    (1..).zip(&mut all).for_each(|(number, entry)| entry.number = number);
    all
}

/// The entries that are wished, with partitions where `place` says: first byte and bytes; none if one is nowhere.
fn entries(hybrid: &HybridMbr, place: impl Fn(&NodeId) -> Option<(u64, u64)>) -> Option<Vec<NewMbrEntry>> {
    let entry = |wished: &HybridEntry| {
        let (start, size) = place(&wished.partition)?;
        let (partition, kind, active) = (wished.partition.clone(), wished.kind, wished.active);
        Some(NewMbrEntry { partition, kind, active, start, size })
    };
    hybrid.entries.iter().map(entry).collect()
}

/// Does the MBR name what is wished, with partitions where `place` says? None if one is nowhere.
pub(crate) fn is_named(
    hybrid: &HybridMbr,
    disk: &Device,
    found: &[MbrEntry],
    place: impl Fn(&NodeId) -> Option<(u64, u64)>,
) -> Option<bool> {
    Some(found == shown(hybrid.gpt_first, disk.sector, &entries(hybrid, place)?))
}

/// What becomes of the MBR, once the partitions are where `extents` says. Answers with the step, if there is one.
pub(super) fn plan(
    planner: &mut Planner,
    node: &Node,
    disk: &Device,
    wished: &Wished<'_>,
    extents: &Extents,
    after: Vec<StepId>,
) -> Option<StepId> {
    let ours = super::ours(&disk.content, wished);
    let found: &[MbrEntry] = match &disk.content {
        Content::Table { mbr, .. } if ours => mbr,
        _ => &[],
    };
    let named = |found: &MbrEntry| extents.values().any(|(start, _)| *start == found.start);
    let Some(hybrid) = wished.hybrid else {
        if !found.is_empty() {
            planner.note(
                &node.id,
                "its MBR is a hybrid one, and no partition is declared `hybrid`: it is left alone. To make it plain: \
                 `printf 'label: dos\\n1 : start=1, type=ee\\n' | sfdisk --label-nested dos DISK`",
            );
        }
        return None;
    };
    // What is not there, and is not made, has been refused.
    let entries = entries(hybrid, |id| extents.get(id).copied())?;
    let beyond = |it: &&NewMbrEntry| (it.start + it.size) / u64::from(disk.sector) > u64::from(u32::MAX);
    if let Some(entry) = entries.iter().find(beyond) {
        let reason = "it ends beyond what an MBR counts, which is 32 bits of sectors";
        let remedy = "give it a `priority` that puts it further in front, or remove `hybrid`";
        planner.refuse(&entry.partition, reason, remedy);
        return None;
    }
    if found == shown(hybrid.gpt_first, disk.sector, &entries) {
        planner.keep(&node.id, "hybrid MBR");
        return None;
    }
    if let Some(strange) = found.iter().find(|it| it.kind != MbrType::GPT && !named(it)) {
        let (number, kind, start) = (strange.number, strange.kind, strange.start);
        let reason =
            format!("entry {number} of its hybrid MBR ({kind}, from byte {start}) is no partition that is declared");
        let remedy = format!(
            "look at it: sfdisk --label-nested dos --list {0}; to take it out: sfdisk --label-nested dos --delete {0} {number}",
            disk.path
        );
        planner.refuse(&node.id, reason, remedy);
        return None;
    }
    let what = TableAction::Hybrid { gpt_first: hybrid.gpt_first, entries, sector: disk.sector, saved: ours };
    let work = Work { after, touches: vec![node.id.clone()], blank: Vec::new() };
    Some(planner.add(&node.id, "hybrid", Action::Table(what), Risk::Creates, work))
}
