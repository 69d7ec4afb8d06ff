//! disko's legacy partition table, a list of partitions with starts and ends, made by parted.

use super::attrs::Attrs;
use super::content::{Site, content};
use super::finding::Report;
use super::size::{self, Mark};
use super::table::{Part, finish};
use super::{named, plain};
use crate::tree::{Content, Format, Partition, PartitionKind};
use crate::{Extent, Name};
use document::Kind;

/// disko's legacy table, a list of partitions with starts and ends.
pub(super) fn table(attrs: &mut Attrs<'_>, site: &Site<'_>, report: &mut Report) -> Option<Content> {
    let format = attrs.text("format", report).unwrap_or_else(|| "gpt".to_owned());
    let mbr = match format.as_str() {
        "gpt" => false,
        "msdos" => true,
        other => {
            let message = format!("table of format `{}`", other.escape_debug());
            report.left_out(&attrs.place.join("format"), message, "take \"gpt\", or \"msdos\"");
            return None;
        }
    };
    let (mut parts, mut bootable): (Vec<Part>, bool) = (Vec::new(), false);
    let value = attrs.raw("partitions")?;
    let place = attrs.place.join("partitions");
    let Kind::List(values) = &value.kind else {
        report.left_out(&place, "a list of partitions belongs here", "mend it in disko's tree, and import again");
        return None;
    };
    for (index, value) in values.iter().enumerate() {
        let Some(mut attrs) = Attrs::open(value, place.join(index), report) else { continue };
        let given = attrs.text("name", report).unwrap_or_else(|| format!("p{}", index + 1));
        if let (Some(name), Some(parent)) = (plain(&given), &attrs.place.node) {
            attrs.place.node = Some(parent.child(&name));
        }
        let Some(name) = named(&given, &attrs.place, report) else { continue };
        let Some((part, active)) = entry(&mut attrs, name, mbr, site.device, report) else { continue };
        attrs.close(report);
        if parts.iter().any(|other| other.name == part.name) {
            let message = format!("`{}` is the name of another partition too", part.name);
            report.left_out(&part.place, message, "give it another name in disko's tree, and import again");
            continue;
        }
        if active && parts.is_empty() {
            bootable = true;
        } else if active {
            let message = "only the first partition can be marked active";
            report.left_out(&part.place.join("bootable"), message, "put it first, or boot from another one");
        }
        parts.push(part);
    }
    let shares = shares(&mut parts, report);
    let mut table = finish(parts, report);
    for (name, share) in shares {
        if let Some(partition) = table.partitions.get_mut(&name) {
            partition.size = Extent::Percent(share);
        }
    }
    table.bootable = bootable;
    Some(if mbr { Content::Mbr(table) } else { Content::Gpt(table) })
}

/// Partitions that are a share of the disk. parted's shares are of the whole disk, ours of what fixed sizes leave: the
/// same only where nothing is fixed. What starts and ends are left then are no shares.
fn shares(parts: &mut [Part], report: &mut Report) -> Vec<(Name, u8)> {
    let share = |mark: Option<Mark>| match mark {
        Some(Mark::Percent(share)) => Some(share),
        _ => None,
    };
    let fixed = parts.iter().any(|part| matches!(part.end, Some(Mark::At(_) | Mark::Before(1..))));
    let mut found = Vec::new();
    let mut before = 0;
    for part in parts {
        let start = share(part.start);
        let end = share(part.end);
        if start.is_some_and(|start| start > before) {
            let help = "homehive puts partitions one behind the other";
            report.left_out(&part.place.join("start"), "what lies before it is not left free", help);
        }
        if let Some(end) = end.filter(|end| *end < 100) {
            let size = end.saturating_sub(start.unwrap_or(before)).max(1);
            found.push((part.name.clone(), size));
            if fixed {
                let help = "here a share is of what fixed sizes leave: write the size that you mean";
                report.changed(&part.place.join("end"), "a share of the whole disk", help);
            }
        }
        before = end.unwrap_or(before);
        if start.is_some() {
            part.start = None;
        }
        if end.is_some() {
            part.end = Some(Mark::Before(0));
        }
    }
    found
}

/// An entry of the list, and whether it is to be marked active.
fn entry(attrs: &mut Attrs<'_>, name: Name, mbr: bool, device: &str, report: &mut Report) -> Option<(Part, bool)> {
    let place = attrs.place.clone();
    let sort = attrs.text("part-type", report);
    if sort.as_deref().is_some_and(|sort| sort != "primary") {
        let message = format!("partition of type `{}`", sort.unwrap_or_default().escape_debug());
        report.left_out(&place, message, "homehive makes primary partitions: take a GPT for more than 4");
        return None;
    }
    // It only chooses the partition's type, which follows from what it holds.
    attrs.text("fs-type", report);
    let flags = attrs.texts("flags", report);
    let boot = attrs.flag("bootable", report) || flags.iter().any(|flag| flag == "boot");
    let start = attrs.text("start", report).unwrap_or_else(|| "0%".to_owned());
    let end = attrs.text("end", report).unwrap_or_else(|| "100%".to_owned());
    let content = attrs
        .raw("content")
        .and_then(|value| content(value, place.join("content"), &Site { device, parent: "" }, report));
    let vfat = matches!(&content, Some(Content::Filesystem(filesystem)) if filesystem.format == Format::Vfat);
    let mut kind = None;
    // On a GPT parted's `boot` is the type of an EFI system partition.
    let flags = flags.iter().map(String::as_str).chain((boot && !mbr).then_some("esp")).filter(|flag| *flag != "boot");
    for flag in flags {
        match flag {
            "esp" if vfat || content.is_none() => kind = Some(PartitionKind::Efi),
            "bios_grub" if !mbr && content.is_none() => kind = Some(PartitionKind::BiosBoot),
            "raid" | "lvm" | "swap" => {}
            "esp" => {
                let held = content.as_ref().map_or("nothing", Content::kind);
                let message = format!("an EFI system partition with `{held}`, which firmware does not read");
                report.changed(&place.join("flags"), message, "its type follows from what it holds");
            }
            other => {
                let message = format!("flag `{}` does not fit what the partition holds", other.escape_debug());
                report.left_out(&place.join("flags"), message, "its type follows from what it holds");
            }
        }
    }
    let mark = |key: &str, text: &str, report: &mut Report| {
        let mark = size::parted(text);
        if mark.is_none() {
            let message = format!("`{}` is no place on a disk", text.escape_debug());
            report.left_out(&place.join(key), message, "mend it in disko's tree, and import again");
        }
        mark
    };
    let start = mark("start", &start, report);
    let end = mark("end", &end, report);
    let partition = Partition { kind, content, ..Partition::default() };
    Some((Part { name, priority: 0, place, start, end, partition }, boot && mbr))
}
