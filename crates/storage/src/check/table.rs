//! Partition tables: how many partitions, how large, of which type.

use super::holder::{Holder, Kind, Tree, fixed};
use crate::tree::{Content, Format, Level, Metadata, Partition, PartitionKind, Table, TableKind, is_attribute};
use crate::{Extent, Size};
use document::{Path, Problems};

const MIB: u64 = 1 << 20;
/// A DOS table counts 512-byte sectors in 32 bits.
const MBR_LIMIT: u64 = 1 << 41;

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    for holder in &tree.holders {
        if let Kind::Partition(partition) = holder.kind {
            own(tree, holder, partition, problems);
        }
        if let Some((kind, table)) = holder.content.and_then(Content::table) {
            let what = match holder.kind {
                Kind::Disk | Kind::Array => None,
                Kind::Partition(_) => Some(("a partition", "hold the content in the partition itself")),
                Kind::Volume(_) | Kind::Zvol => Some(("a volume", "make several volumes instead")),
                Kind::Crypt(_) => Some(("an opened container", "hold an `lvm_pv` in it, and make volumes")),
            };
            if let Some((what, help)) = what {
                problems.add(
                    &holder.content_at().join("type"),
                    "storage::misplaced_table",
                    format!("`{}` is {what} and cannot hold a partition table", holder.id),
                    "no table here",
                    help,
                );
            }
            whole(holder, kind, table, problems);
        }
    }
}

fn whole(holder: &Holder<'_>, kind: TableKind, table: &Table, problems: &mut Problems) {
    let (id, at) = (&holder.id, holder.content_at());
    if kind == TableKind::Mbr {
        mbr(holder, table, problems);
    } else if table.bootable {
        problems.add(
            &at.join("bootable"),
            "storage::bootable",
            format!("`{id}` holds a GPT, which has no active partition"),
            "only an MBR has",
            "remove `bootable`; a BIOS boots a GPT by way of a partition with `type = \"bios-boot\"`",
        );
    }
    super::hybrid::check(holder, kind, table, problems);
    attributes(holder, kind, table, problems);
    let partitions = at.join("partitions");
    let extents = table.partitions.iter().map(|(name, partition)| (name.to_string(), partition.size));
    shares(&partitions, &format!("the table of `{id}`"), "partition", extents, problems);
    let sizes = table.partitions.values().filter_map(|partition| fixed(partition.size));
    let wanted = sizes.fold(0, u64::saturating_add);
    // The tables themselves and the alignment take a MiB at each end.
    if let Some(size) = holder.size.filter(|size| wanted > size.saturating_sub(2 * MIB)) {
        problems.add(
            &partitions,
            "storage::does_not_fit",
            format!("the partitions of `{id}` want {}, and it has {}", Size(wanted), Size(size)),
            "too large together",
            "make one of them smaller; the table itself takes 2MiB",
        );
    }
}

/// Bits 3 to 47 of a GPT's partition have no meaning yet, and sfdisk(8) sets none of them.
fn attributes(holder: &Holder<'_>, kind: TableKind, table: &Table, problems: &mut Problems) {
    let own = table.partitions.iter().filter_map(|(name, partition)| Some((name, partition.attributes.as_ref()?)));
    for (name, bits) in own {
        let at = holder.content_at().join("partitions").join(name).join("attributes");
        if kind == TableKind::Mbr {
            let message = format!("partition `{name}` of `{}` cannot have attributes: an MBR has none", holder.id);
            let help = "remove them, or write `type = \"gpt\"` for the table";
            problems.add(&at, "storage::attributes", message, "not in an MBR", help);
            continue;
        }
        for (index, bit) in bits.iter().enumerate() {
            let (label, help) = if bits[..index].contains(bit) {
                ("named before", "name each bit once")
            } else if !is_attribute(*bit) {
                ("no such bit", "write 0 (required), 1 (no block I/O), 2 (a BIOS may boot it), or one of 48 to 63")
            } else {
                continue;
            };
            let message = format!("partition `{name}` of `{}` cannot have the attribute {bit}", holder.id);
            problems.add(&at.join(index), "storage::attributes", message, label, help);
        }
    }
}

fn mbr(holder: &Holder<'_>, table: &Table, problems: &mut Problems) {
    let (id, at) = (&holder.id, holder.content_at());
    if table.partitions.len() > 4 {
        problems.add(
            &at.join("partitions"),
            "storage::mbr_too_many",
            format!("the MBR of `{id}` has {} partitions, and holds at most 4", table.partitions.len()),
            "too many",
            "write `type = \"gpt\"`",
        );
    }
    if table.bootable && table.partitions.is_empty() {
        problems.add(
            &at.join("bootable"),
            "storage::bootable",
            format!("the MBR of `{id}` has no partition that could be active"),
            "nothing to boot",
            "declare a partition, or remove `bootable`",
        );
    }
    for (name, partition) in &table.partitions {
        let at = at.join("partitions").join(name);
        if partition.uuid.is_some() {
            problems.add(
                &at.join("uuid"),
                "storage::mbr_partition_uuid",
                format!("partition `{name}` of `{id}` cannot have a GUID: an MBR has none"),
                "not in an MBR",
                "remove `uuid`, or write `type = \"gpt\"` for the table",
            );
        }
        if partition.kind == Some(PartitionKind::BiosBoot) {
            problems.add(
                &at.join("type"),
                "storage::partition_type",
                format!("partition `{name}` of `{id}`: an MBR has no BIOS boot partition"),
                "only in a GPT",
                "remove the partition: GRUB lies before the first one",
            );
        }
        if fixed(partition.size).is_some_and(|size| size > MBR_LIMIT) {
            problems.add(
                &at.join("size"),
                "storage::mbr_too_large",
                format!("partition `{name}` of `{id}` is larger than the 2TiB that an MBR can count"),
                "too large",
                "write `type = \"gpt\"` for the table",
            );
        }
    }
}

fn own(tree: &Tree<'_>, holder: &Holder<'_>, partition: &Partition, problems: &mut Problems) {
    let id = &holder.id;
    if fixed(partition.size).is_some_and(|size| size < MIB) {
        problems.add(
            &holder.at.join("size"),
            "storage::too_small",
            format!("partition `{id}` is smaller than 1MiB, to which partitions are aligned"),
            "too small",
            "write at least \"1MiB\"",
        );
    }
    let Some(kind) = partition.kind else { return };
    let fits = match (kind, &partition.content) {
        (PartitionKind::BiosBoot, Some(_)) => Err("GRUB writes there itself: remove `content`"),
        (PartitionKind::Efi, Some(Content::Filesystem(filesystem))) if filesystem.format == Format::Vfat => Ok(()),
        (PartitionKind::Efi, Some(Content::Mdraid(member))) => match tree.storage.mdadm.get(&member.name) {
            Some(array) if array.level == Level::Raid1 && array.metadata == Some(Metadata::End) => Ok(()),
            // That the array is not declared is said where its members are.
            None => Ok(()),
            Some(_) => Err("firmware reads a member only of an array with `level = 1` and `metadata = \"1.0\"`"),
        },
        (PartitionKind::Efi, Some(_)) => Err("firmware reads only `format = \"vfat\"`"),
        (PartitionKind::LinuxSwap, Some(content)) if !matches!(content, Content::Swap(_)) => {
            Err("write `content = { type = \"swap\" }`, or remove the partition's `type`: it follows from the content")
        }
        (PartitionKind::LinuxRaid, Some(content)) if !matches!(content, Content::Mdraid(_)) => {
            Err("write content of type `mdraid`, or remove the partition's `type`: it follows from the content")
        }
        (PartitionKind::LinuxLvm, Some(content)) if !matches!(content, Content::LvmPv(_)) => {
            Err("write content of type `lvm_pv`, or remove the partition's `type`: it follows from the content")
        }
        _ => Ok(()),
    };
    if let Err(help) = fits {
        let holds = partition.content.as_ref().map_or("nothing", Content::kind);
        problems.add(
            &holder.at.join("type"),
            "storage::partition_type",
            format!("partition `{id}` holds `{holds}`, which does not belong in one of this type"),
            "does not fit the content",
            help,
        );
    }
}

/// Only one can have what the others leave, and shares cannot be more than all of it. `whose` is what the space is in.
pub(super) fn shares(
    at: &Path,
    whose: &str,
    what: &str,
    extents: impl Iterator<Item = (String, Extent)>,
    problems: &mut Problems,
) {
    let (mut end, mut percent): (Option<String>, u32) = (None, 0);
    for (name, extent) in extents {
        match extent {
            Extent::Size(_) => {}
            Extent::Percent(share) => {
                percent += u32::from(share);
                if percent > 100 {
                    problems.add(
                        &at.join(&name).join("size"),
                        "storage::too_many_percent",
                        format!("up to {what} `{name}`, {percent}% of {whose} are given away"),
                        "more than is there",
                        "shares are of what fixed sizes leave, and 100% at most together",
                    );
                }
            }
            Extent::End => {
                if let Some(first) = &end {
                    problems.add(
                        &at.join(&name).join("size"),
                        "storage::two_ends",
                        format!("{what}s `{first}` and `{name}` both want all that is left of {whose}"),
                        format!("so does `{first}`"),
                        "give one of them a size or a share, such as \"50%\"; no size means \"end\"",
                    );
                }
                end = Some(name);
            }
        }
    }
}
