//! Whole disks and md arrays.

use super::attrs::{Attrs, Usual};
use super::content::{Site, content};
use super::finding::Report;
use super::{named, plain};
use crate::tree::{Content, Disk, Level, Mdadm, Metadata, Storage};
use crate::{Name, NodeId};

/// One device of a kind.
pub(super) struct Entry<'a> {
    pub attrs: Attrs<'a>,
    /// What disko calls it.
    pub given: String,
    /// What we call it.
    pub name: Name,
}

/// The devices of a kind, or the volumes of a group, in disko's order. Two that would have one name are not both kept.
pub(super) fn entries<'a>(
    all: &mut Attrs<'a>,
    kind: &'static str,
    node: impl Fn(&Name) -> NodeId,
    report: &mut Report,
) -> Vec<Entry<'a>> {
    let Some(value) = all.raw(kind) else { return Vec::new() };
    let Some(set) = Attrs::open(value, all.place.join(kind), report) else { return Vec::new() };
    let mut found: Vec<Entry<'a>> = Vec::new();
    for key in set.names() {
        let Some(value) = set.entry(key) else { continue };
        let Some(mut attrs) = Attrs::open(value, set.place.join(key), report) else { continue };
        // The attribute `name` is what the device is called, and what others call it by.
        let given = attrs.text("name", report).filter(|name| !name.is_empty()).unwrap_or_else(|| key.to_owned());
        // A disk has no name outside the tree: its key will do.
        let chosen = if kind == "disk" && plain(key).is_some() { key } else { &given };
        if let Some(name) = plain(chosen) {
            attrs.place = attrs.place.of(node(&name));
        }
        let Some(name) = named(chosen, &attrs.place, report) else { continue };
        if found.iter().any(|other| other.name == name) {
            let message = format!("`{name}` is the name of another one too");
            report.left_out(&attrs.place, message, "give it another name in disko's tree, and import again");
            continue;
        }
        found.push(Entry { attrs, given, name });
    }
    found
}

/// The attribute `type`, which only repeats where the device stands.
fn same_type(attrs: &mut Attrs<'_>, kind: &str, report: &mut Report) {
    let word = attrs.text("type", report).filter(|word| word != kind);
    if let Some(word) = word {
        let message = format!("this stands under `{kind}` and says that it is a `{}`", word.escape_debug());
        report.left_out(&attrs.place.join("type"), message, "mend it in disko's tree, and import again");
    }
}

pub(super) fn disks(all: &mut Attrs<'_>, storage: &mut Storage, report: &mut Report) {
    for Entry { mut attrs, given, name } in entries(all, "disk", NodeId::disk, report) {
        same_type(&mut attrs, "disk", report);
        attrs.hooks(report);
        if given != name.as_ref() && plain(&given).as_ref() != Some(&name) {
            let message = format!("disko calls this disk `{}`, and homehive `{name}`", given.escape_debug());
            report.changed(&attrs.place.join("name"), message, "the name only matters within the fleet");
        }
        let device = attrs.text("device", report);
        // What disko does not destroy, a reinstall keeps here.
        let persistent = (attrs.raw("destroy").is_some() && !attrs.flag("destroy", report)).then_some(true);
        let images = "only disko's image builder reads it: nothing to do";
        let image = attrs.text("imageName", report).filter(|image| *image != given && *image != name.as_ref());
        if image.is_some() {
            report.left_out(&attrs.place.join("imageName"), "`imageName` has no counterpart", images);
        }
        attrs.leave("imageSize", &[Usual::Text("2G")], images, report);
        let site = Site { device: device.as_deref().unwrap_or_default(), parent: &format!("disk-{given}") };
        let content = inside(&mut attrs, &site, report);
        attrs.close(report);
        storage.disk.insert(name, Disk { device, persistent, content, ..Disk::default() });
    }
}

pub(super) fn arrays(all: &mut Attrs<'_>, storage: &mut Storage, report: &mut Report) {
    for Entry { mut attrs, given, name } in entries(all, "mdadm", NodeId::array, report) {
        same_type(&mut attrs, "mdadm", report);
        attrs.hooks(report);
        let number = attrs.whole("level", report).unwrap_or(1);
        let level = u8::try_from(number).ok().and_then(|number| Level::try_from(number).ok());
        let metadata = match attrs.text("metadata", report).as_deref() {
            None | Some("default" | "1" | "1.2") => None,
            Some("1.0") => Some(Metadata::End),
            Some(other) => {
                let message = format!("metadata `{}`", other.escape_debug());
                let help = "homehive makes arrays with metadata 1.2, or 1.0 where firmware is to read a member";
                report.left_out(&attrs.place.join("metadata"), message, help);
                None
            }
        };
        let args = attrs.texts("extraArgs", report);
        let (clean, args): (Vec<String>, Vec<String>) = args.into_iter().partition(|arg| arg == "--assume-clean");
        if !clean.is_empty() {
            let message = "`--assume-clean` is not done: the array comes into step while it is used";
            let help = "nothing to do; disks that were used before hold something, and their parity would be wrong";
            report.changed(&attrs.place.join("extraArgs"), message, help);
        }
        if !args.is_empty() {
            let message = format!("arguments of mdadm have no counterpart: `{}`", args.join(" ").escape_debug());
            let help = "homehive makes arrays in one way, and lets them come into step";
            report.left_out(&attrs.place.join("extraArgs"), message, help);
        }
        let device = format!("/dev/md/{given}");
        let site = Site { device: &device, parent: &format!("mdadm-{given}") };
        let content = inside(&mut attrs, &site, report);
        if let Some(level) = level {
            storage.mdadm.insert(name, Mdadm { level, metadata, uuid: None, persistent: None, content });
        } else {
            let message = format!("there is no RAID level {number} here");
            report.left_out(&attrs.place.join("level"), message, "levels are 0, 1, 4, 5, 6 and 10");
        }
        attrs.close(report);
    }
}

/// What the attribute `content` says.
pub(super) fn inside(attrs: &mut Attrs<'_>, site: &Site<'_>, report: &mut Report) -> Option<Content> {
    let value = attrs.raw("content")?;
    let place = attrs.place.join("content");
    content(value, place, site, report)
}
