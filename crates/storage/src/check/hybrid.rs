//! Hybrid tables: which partitions an MBR can name beside a GPT.

use super::holder::{Holder, Kind, fixed};
use crate::tree::{PartitionKind, Table, TableKind};
use document::Problems;

/// The MBR has four entries, and one is the GPT's.
const MOST: usize = 3;
/// An MBR counts 512-byte sectors in 32 bits.
const LIMIT: u64 = 1 << 41;

pub(super) fn check(holder: &Holder<'_>, kind: TableKind, table: &Table, problems: &mut Problems) {
    let (id, at) = (&holder.id, holder.content_at());
    let hybrids = table.partitions.iter().filter_map(|(name, it)| Some((name, it, it.hybrid.as_ref()?)));
    let hybrids: Vec<_> = hybrids.collect();
    if !table.efi_gpt_partition_first && hybrids.is_empty() {
        problems.add(
            &at.join("efi_gpt_partition_first"),
            "storage::hybrid",
            format!("`{id}` has no hybrid table whose entries could be in another order"),
            "no partition is `hybrid`",
            "remove it, or give a partition of a GPT `hybrid = {}`",
        );
    }
    let active = hybrids.iter().filter(|(.., hybrid)| hybrid.mbr_bootable_flag).count();
    for (name, partition, hybrid) in &hybrids {
        let own = at.join("partitions").join(name);
        let (place, why, help) = if kind == TableKind::Mbr {
            (own.join("hybrid"), "an MBR names it already", "remove `hybrid`")
        } else if !matches!(holder.kind, Kind::Disk) {
            (own.join("hybrid"), "firmware reads the table of a disk only", "remove `hybrid`")
        } else if partition.kind == Some(PartitionKind::BiosBoot) {
            (own.join("hybrid"), "GRUB finds its own by the GPT", "remove `hybrid`")
        } else if hybrid.mbr_partition_type.is_some_and(|kind| !kind.is_plain()) {
            let help = "write the type of a partition, such as \"0x0c\"; the GPT's entry is made in any case";
            (own.join("hybrid").join("mbr_partition_type"), "this type is no partition's", help)
        } else if hybrid.mbr_bootable_flag && active > 1 {
            (
                own.join("hybrid").join("mbr_bootable_flag"),
                "a BIOS wants one active partition",
                "leave it at one of them",
            )
        } else if fixed(partition.size).is_none_or(|size| size > LIMIT) {
            (own.join("size"), "an MBR counts up to 2TiB, and where it ends must be known", "write its size")
        } else {
            continue;
        };
        let message = format!("partition `{name}` of `{id}` cannot stand in a hybrid MBR: {why}");
        problems.add(&place, "storage::hybrid", message, "not here", help);
    }
    if hybrids.len() > MOST {
        problems.add(
            &at.join("partitions"),
            "storage::hybrid",
            format!("the MBR of `{id}` holds at most {MOST} partitions beside the GPT, and {} want to", hybrids.len()),
            "too many",
            "remove `hybrid` from those that the firmware need not see",
        );
    }
}
