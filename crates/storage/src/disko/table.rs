//! disko's partition table `gpt`, made by sgdisk; and the sizes and the order of any table's partitions.

use super::attrs::{Attrs, Usual};
use super::content::{Site, content, device};
use super::finding::Report;
use super::named;
use super::size::{self, Mark};
use crate::tree::{Content, Format, Hybrid, MbrType, Partition, PartitionKind, Table, is_attribute};
use crate::{Extent, Name, Size};
use document::Kind;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

const MIB: u64 = 1 << 20;
/// Where disko finds a partition.
const LABELLED: Site<'_> = Site { device: "/dev/disk/by-partlabel/", parent: "" };

/// A partition that takes its place in the table's order.
pub(super) struct Part {
    pub name: Name,
    /// As disko sorts them.
    pub priority: i64,
    pub place: super::attrs::Place,
    pub start: Option<Mark>,
    pub end: Option<Mark>,
    pub partition: Partition,
}

pub(super) fn gpt(attrs: &mut Attrs<'_>, site: &Site<'_>, report: &mut Report) -> Table {
    let first = attrs.raw("efiGptPartitionFirst").is_none() || attrs.flag("efiGptPartitionFirst", report);
    let mut parts: Vec<Part> = Vec::new();
    if let Some(value) = attrs.raw("partitions") {
        let place = attrs.place.join("partitions");
        let Some(set) = Attrs::open(value, place, report) else { return Table::default() };
        for key in set.names() {
            let Some(value) = set.entry(key) else { continue };
            let Some(mut attrs) = Attrs::open(value, set.place.join(key), report) else { continue };
            let given = attrs.text("name", report).unwrap_or_else(|| key.to_owned());
            if let (Some(name), Some(parent)) = (super::plain(&given), &attrs.place.node) {
                attrs.place.node = Some(parent.child(&name));
            }
            let Some(name) = named(&given, &attrs.place, report) else { continue };
            if parts.iter().any(|other| other.name == name) {
                let message = format!("`{name}` is the name of another partition too");
                report.left_out(&attrs.place, message, "give it another name in disko's tree, and import again");
                continue;
            }
            let part = partition(&mut attrs, name, &given, site, report);
            attrs.close(report);
            parts.push(part);
        }
    }
    parts.sort_by_key(|part| part.priority);
    let mut table = finish(parts, report);
    // Without a partition that is named there, no MBR has an order.
    table.efi_gpt_partition_first = first || table.partitions.values().all(|partition| partition.hybrid.is_none());
    table
}

/// A partition's entry in the MBR; disko gives the type and the flag to the entry of the partition's number, which is its
/// own only if the GPT stands behind.
fn hybrid(attrs: &mut Attrs<'_>, report: &mut Report) -> Option<Hybrid> {
    let value = attrs.raw("hybrid")?;
    let mut set = Attrs::open(value, attrs.place.join("hybrid"), report)?;
    let kind = set.text("mbrPartitionType", report).and_then(|text| {
        let kind: Option<MbrType> = text.parse().ok().filter(|kind: &MbrType| kind.is_plain());
        if kind.is_none() {
            let at = set.place.join("mbrPartitionType");
            let message = format!("`{}` is no type of a partition in an MBR", text.escape_debug());
            report.left_out(&at, message, "without it the type follows from the partition's own");
        }
        kind
    });
    let active = set.flag("mbrBootableFlag", report);
    set.close(report);
    Some(Hybrid { mbr_partition_type: kind, mbr_bootable_flag: active })
}

/// The bits that are set; disko passes on whatever number is said.
fn attributes(attrs: &mut Attrs<'_>, report: &mut Report) -> Option<Vec<u8>> {
    let numbers = attrs.wholes("attributes", report);
    let known = |number: &i64| u8::try_from(*number).ok().filter(|bit| is_attribute(*bit));
    for number in numbers.iter().filter(|number| known(number).is_none()) {
        let message = format!("`{number}` is no attribute of a partition that has a meaning");
        report.left_out(&attrs.place.join("attributes"), message, "0, 1, 2 and 48 to 63 have one");
    }
    let bits: std::collections::BTreeSet<u8> = numbers.iter().filter_map(known).collect();
    (!bits.is_empty()).then(|| bits.into_iter().collect())
}

fn partition(attrs: &mut Attrs<'_>, name: Name, given: &str, site: &Site<'_>, report: &mut Report) -> Part {
    let place = attrs.place.clone();
    device(attrs, &LABELLED, report);
    let code = attrs.text("type", report);
    let size = attrs.text("size", report).filter(|size| size != "0");
    let start = attrs.text("start", report).filter(|start| start != "0");
    let end = attrs.text("end", report);
    let uuid = attrs.text("uuid", report);
    let label = attrs.text("label", report);
    let priority = attrs.whole("priority", report);
    let whole = size.as_deref() == Some("100%");
    let sectors = [&start, &end].iter().any(|mark| mark.as_deref().is_some_and(|mark| mark.ends_with('s')));
    let usual = i64::from(sectors);
    let help = "homehive aligns every partition to a whole MiB";
    attrs.leave("alignment", &[Usual::Whole(usual)], help, report);
    let attributes = attributes(attrs, report);
    let hybrid = hybrid(attrs, report);
    if label.is_some_and(|label| label != usual_label(site.parent, given)) {
        let help = "homehive finds partitions by their GUID, and labels them by their name";
        report.left_out(&place.join("label"), "`label` has no counterpart", help);
    }
    let uuid = uuid.and_then(|text| {
        let parsed = Uuid::try_parse(&text).ok();
        if parsed.is_none() {
            report.left_out(&place.join("uuid"), "`uuid` is no UUID", "mend it in disko's tree, and import again");
        }
        parsed
    });
    // The evaluated tree has an `end` for every partition, made of its size.
    let end = match (end, &size) {
        (Some(end), _) => Some(end),
        (None, Some(_)) if whole => Some("-0".to_owned()),
        (None, Some(size)) => Some(format!("+{size}")),
        (None, None) => Some("+0".to_owned()),
    };
    let mark = |key: &str, text: Option<String>, report: &mut Report| {
        let text = text?;
        let mark = size::sgdisk_mark(&text);
        let at = place.join(key);
        if mark.is_none() {
            let message = format!("`{}` is no place on a disk", text.escape_debug());
            report.left_out(&at, message, "mend it in disko's tree, and import again");
        } else if text.ends_with(|c: char| c.is_ascii_digit()) && !matches!(&*text, "-0" | "+0") {
            let help = "write the size that you mean, with a unit";
            report.changed(&at, format!("`{text}` counts sectors, taken to be of 512 bytes"), help);
        }
        mark
    };
    let start = mark("start", start, report);
    let end = mark(if size.is_some() { "size" } else { "end" }, end, report);
    let efi_first = code.as_deref() == Some("EF02");
    let priority = priority.unwrap_or(if whole {
        9001
    } else if efi_first {
        100
    } else {
        1000
    });
    let content = attrs.raw("content").and_then(|value| content(value, place.join("content"), &LABELLED, report));
    // Where nothing is said, disko takes one type for swap space and one for everything else.
    let swap =
        || matches!(attrs.entry("content")?.get("type")?.kind, Kind::Text(ref kind) if kind == "swap").then_some(());
    let code = code.or_else(|| swap().map(|()| "8200".to_owned()));
    let kind = code.and_then(|code| kind(&code, content.as_ref(), &place, report));
    let content = content.filter(|held| {
        let fits = kind != Some(PartitionKind::BiosBoot);
        if !fits {
            let message = format!("`{}` in a BIOS boot partition, where GRUB writes", held.kind());
            report.left_out(&place.join("content"), message, "give it a partition of its own");
        }
        fits
    });
    let partition = Partition { kind, uuid, hybrid, attributes, content, ..Partition::default() };
    Part { name, priority, place, start, end, partition }
}

/// The label that disko gives, which is no more than the partition's place in the tree.
fn usual_label(parent: &str, name: &str) -> String {
    let label = format!("{parent}-{name}");
    if label.len() <= 36 {
        return label;
    }
    let hash = Sha256::digest(label.as_bytes());
    let hex: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.concat()[..36].to_owned()
}

/// What a partition is for. What disko takes if nothing is said follows from the content here, too.
fn kind(
    code: &str,
    content: Option<&Content>,
    place: &super::attrs::Place,
    report: &mut Report,
) -> Option<PartitionKind> {
    let known = [
        ("8300", "0FC63DAF-8483-4772-8E79-3D69D8477DE4", PartitionKind::Linux),
        ("EF00", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", PartitionKind::Efi),
        ("EF02", "21686148-6449-6E6F-744E-656564454649", PartitionKind::BiosBoot),
        ("8200", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", PartitionKind::LinuxSwap),
        ("FD00", "A19D880F-05FC-4D3B-A006-743F0F84911E", PartitionKind::LinuxRaid),
        ("8E00", "E6D6D379-F507-44C2-A23C-238F2A3DF928", PartitionKind::LinuxLvm),
    ];
    let found =
        known.iter().find(|(short, long, _)| short.eq_ignore_ascii_case(code) || long.eq_ignore_ascii_case(code));
    let at = place.join("type");
    let Some((.., kind)) = found else {
        let help = "its type follows from what it holds; set another by hand with `sgdisk --typecode`";
        report.left_out(&at, format!("partition type `{}` is not known to homehive", code.escape_debug()), help);
        return None;
    };
    let matches = match (kind, content) {
        // What follows anyway is not written.
        (PartitionKind::Linux, _)
        | (PartitionKind::LinuxSwap, Some(Content::Swap(_)))
        | (PartitionKind::LinuxRaid, Some(Content::Mdraid(_)))
        | (PartitionKind::LinuxLvm, Some(Content::LvmPv(_))) => return None,
        (PartitionKind::Efi, Some(Content::Filesystem(filesystem))) => filesystem.format == Format::Vfat,
        // Whether firmware can read the members is said of the imported tree.
        (PartitionKind::Efi, Some(Content::Mdraid(_))) | (PartitionKind::BiosBoot, _) | (_, None) => true,
        _ => false,
    };
    if matches {
        return Some(*kind);
    }
    let holds = content.map_or("nothing", Content::kind);
    let message = format!("type `{}` for a partition that holds `{holds}`", code.escape_debug());
    report.left_out(
        &at,
        message,
        "firmware reads an EFI system partition only as vfat; other types follow from the content",
    );
    None
}

/// Sizes from starts and ends, in the order of the disk, and the table.
pub(super) fn finish(parts: Vec<Part>, report: &mut Report) -> Table {
    let mut cursor = Some(MIB);
    let mut kept: Vec<(Name, Partition)> = Vec::new();
    // Space that is to stay free at the end, and the partition before it.
    let mut tail: Option<(usize, u64)> = None;
    for mut part in parts {
        let at = |key: &str| part.place.join(key);
        if let (Some(Mark::At(start)), Some(here)) = (part.start, cursor) {
            if start > here {
                let message = format!("{} before it are not left free", Size(start - here));
                report.left_out(&at("start"), message, "homehive puts partitions one behind the other");
            }
            cursor = Some(start.max(here));
        } else if !matches!(part.start, None | Some(Mark::At(_))) {
            let message = "a start that counts from elsewhere";
            report.left_out(&at("start"), message, "homehive puts partitions one behind the other");
        }
        // What is said counts, not what alignment makes of it.
        let from = match part.start {
            Some(Mark::At(start)) => Some(start),
            _ => cursor,
        };
        let size = match (part.end, from) {
            (Some(Mark::After(0)), _) => {
                report.changed(&part.place, "no size is said: here it takes the rest", "write the size that you mean");
                None
            }
            (Some(Mark::After(bytes)), _) => Some(bytes),
            (Some(Mark::At(end)), Some(here)) if end > here => Some(end - here),
            (Some(Mark::At(_)), _) => {
                let message = "partition whose size cannot be told: its end lies before where it would start";
                report.left_out(&part.place, message, "give it a `size` in disko's tree, and import again");
                continue;
            }
            _ => None,
        };
        match size {
            Some(bytes) => {
                part.partition.size = Extent::Size(Size(bytes));
                cursor = cursor.and_then(|here| here.checked_add(bytes)?.checked_next_multiple_of(MIB));
            }
            None => cursor = None,
        }
        if let Some(Mark::Before(bytes @ 1..)) = part.end {
            tail = Some((kept.len(), bytes));
            let message = format!("ends {} before the end of the disk", Size(bytes));
            // What comes behind it has that much; without anything, the space would stay free.
            report.changed(
                &at("end"),
                format!("{message}, here at its end"),
                "make a partition without content for space \
                that is to stay free",
            );
        }
        kept.push((part.name, part.partition));
    }
    if let Some((index, bytes)) = tail {
        behind(&mut kept, index, bytes);
    }
    order(&mut kept);
    Table { partitions: kept.into_iter().collect(), ..Table::default() }
}

/// The one partition that takes all that is left behind one that ends early has a fixed size: what the other left.
fn behind(kept: &mut [(Name, Partition)], index: usize, bytes: u64) {
    let (before, after) = kept.split_at_mut(index + 1);
    let fixed: u64 = after
        .iter()
        .filter_map(|(_, partition)| match partition.size {
            Extent::Size(size) => Some(size.0),
            Extent::Percent(_) | Extent::End => None,
        })
        .fold(0, u64::saturating_add);
    let mut ends = after.iter_mut().filter(|(_, partition)| partition.size == Extent::End);
    if let (Some((_, last)), None, Some(left)) =
        (ends.next(), ends.next(), bytes.checked_sub(fixed).filter(|left| *left > 0))
        && before.last().is_some_and(|(_, partition)| partition.size == Extent::End)
    {
        last.size = Extent::Size(Size(left));
    }
}

/// Where our own order would be another, disko's is written down; what takes the rest is last in any case.
fn order(kept: &mut [(Name, Partition)]) {
    kept.sort_by_key(|(_, partition)| partition.size == Extent::End);
    let mut ours: Vec<_> = kept.iter().map(|(name, partition)| (crate::wish::rank(partition), name.clone())).collect();
    ours.sort();
    if ours.iter().map(|(_, name)| name).ne(kept.iter().map(|(name, _)| name)) {
        for ((_, partition), priority) in kept.iter_mut().zip((1..).map(|place| place * 10)) {
            partition.priority = Some(priority);
        }
    }
}
