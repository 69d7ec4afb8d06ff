//! What a device holds: filesystems, swap space, members, physical volumes; and what cannot be carried over yet.

use super::attrs::{Attrs, Place};
use super::finding::Report;
use super::{legacy, named, table};
use crate::check;
use crate::tree::{Btrfs, Content, Filesystem, Format, LvmPv, Mdraid};
use document::Value;
use uuid::Uuid;

/// Where in the tree a content may stand.
pub(super) struct Site<'a> {
    /// The device that disko takes it for, if nothing else is said.
    pub device: &'a str,
    /// disko's kind and name of what it lies on, of which a GPT's labels are made: `disk-main`.
    pub parent: &'a str,
}

/// The content at `place`, if it has a counterpart.
pub(super) fn content(value: &Value, place: Place, site: &Site<'_>, report: &mut Report) -> Option<Content> {
    let mut attrs = Attrs::open(value, place, report)?;
    let Some(kind) = attrs.text("type", report) else {
        let message = "this content does not say what it is";
        report.left_out(&attrs.place, message, "give it a `type` in disko's tree, and import again");
        return None;
    };
    if let Some((what, help)) = without_counterpart(&kind) {
        let inner = inner(attrs.entry("content"));
        report.left_out(&attrs.place, format!("`{kind}`{inner}: {what}"), help);
        return None;
    }
    attrs.hooks(report);
    device(&mut attrs, site, report);
    let content = match kind.as_str() {
        "gpt" => Some(Content::Gpt(table::gpt(&mut attrs, site, report))),
        "table" => legacy::table(&mut attrs, site, report),
        "mdraid" => member(&mut attrs, report),
        "lvm_pv" => physical_volume(&mut attrs, report),
        "filesystem" => filesystem(&mut attrs, report),
        "swap" => Some(super::swap::swap(&mut attrs, report)),
        "btrfs" => super::btrfs::btrfs(&mut attrs, report),
        "luks" => super::luks::luks(&mut attrs, site, report),
        "zfs" => super::pool::member(&mut attrs, report),
        other => {
            let message = format!("content of type `{}` is not known to homehive", other.escape_debug());
            report.left_out(
                &attrs.place,
                message,
                "known: gpt, table, mdraid, lvm_pv, filesystem, btrfs, luks, zfs, swap",
            );
            return None;
        }
    };
    attrs.close(report);
    content
}

fn without_counterpart(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "bcachefs" => {
            Some(("homehive does not make bcachefs", "take xfs or ext4, or leave the device to your own tools"))
        }
        _ => None,
    }
}

/// What lies in a content that is left out, down to the innermost: it is left out with it.
fn inner(value: Option<&Value>) -> String {
    let mut kinds = Vec::new();
    let mut here = value;
    while let Some(value) = here.filter(|_| kinds.len() < 8) {
        if let Some(document::Kind::Text(kind)) = value.get("type").map(|kind| &kind.kind) {
            let more = ["vg", "name", "mountpoint", "pool"].iter().find_map(|key| match &value.get(key)?.kind {
                document::Kind::Text(text) => Some(format!(" {}", text.escape_debug())),
                _ => None,
            });
            kinds.push(format!("{}{}", kind.escape_debug(), more.unwrap_or_default()));
        }
        here = value.get("content");
    }
    if kinds.is_empty() { String::new() } else { format!(" with {}", kinds.join(", ")) }
}

/// A device other than the one it stands at. disko writes the usual ones itself when it is evaluated.
pub(super) fn device(attrs: &mut Attrs<'_>, site: &Site<'_>, report: &mut Report) {
    let Some(device) = attrs.text("device", report) else { return };
    let own = ["/dev/disk/by-partlabel/", "/dev/disk/by-partuuid/", "/dev/disk/by-id/md-name-any:"];
    let part = device.strip_prefix(site.device).is_some_and(|rest| {
        rest.trim_start_matches("-part").trim_start_matches('p').bytes().all(|byte| byte.is_ascii_digit())
    });
    if !part && !own.iter().any(|start| device.starts_with(start)) {
        let message = format!("`device` = \"{}\" is not where this stands in the tree", device.escape_debug());
        report.left_out(&attrs.place.join("device"), message, "move the content to the device that it is meant for");
    }
}

fn member(attrs: &mut Attrs<'_>, report: &mut Report) -> Option<Content> {
    let array = attrs.text("name", report);
    let place = attrs.place.join("name");
    let Some(array) = array else {
        report.left_out(&place, "this member does not name its array", "name it in disko's tree, and import again");
        return None;
    };
    let name = named(&array, &place, report)?;
    Some(Content::Mdraid(Mdraid { name, spare: false }))
}

fn physical_volume(attrs: &mut Attrs<'_>, report: &mut Report) -> Option<Content> {
    let group = attrs.text("vg", report);
    let place = attrs.place.join("vg");
    let Some(group) = group else {
        report.left_out(
            &place,
            "this physical volume does not name its group",
            "name it in disko's tree, and import again",
        );
        return None;
    };
    let vg = named(&group, &place, report)?;
    Some(Content::LvmPv(LvmPv { vg, uuid: None }))
}

fn filesystem(attrs: &mut Attrs<'_>, report: &mut Report) -> Option<Content> {
    let word = attrs.text("format", report).unwrap_or_default();
    let mountpoint = attrs.text("mountpoint", report);
    let options = options(attrs, report);
    let args = attrs.texts("extraArgs", report);
    let place = attrs.place.clone();
    if word == "btrfs" {
        let mut btrfs = Btrfs { mountpoint, options, ..Btrfs::default() };
        super::btrfs::mkfs(&mut btrfs, &args, &place.join("extraArgs"), report);
        return Some(Content::Btrfs(btrfs));
    }
    let Some(format) = Format::ALL.into_iter().find(|format| format.word() == word) else {
        let mounted = mountpoint.map(|path| format!(" for `{}`", path.escape_debug())).unwrap_or_default();
        let message = format!("homehive does not make `{}`{mounted}", word.escape_debug());
        report.left_out(
            &place,
            message,
            "take \"ext4\", \"xfs\", \"f2fs\" or \"vfat\", or leave the device to your own tools",
        );
        return None;
    };
    let mut filesystem = Filesystem { format, mountpoint, options, label: None, extra_args: Vec::new(), uuid: None };
    mkfs(&mut filesystem, &args, &place.join("extraArgs"), report);
    Some(Content::Filesystem(filesystem))
}

/// Mount options, one an entry; `defaults` says nothing.
pub(super) fn options(attrs: &mut Attrs<'_>, report: &mut Report) -> Vec<String> {
    let all = attrs.texts("mountOptions", report);
    let split = all.iter().flat_map(|option| option.split(',')).map(str::trim);
    split.filter(|option| !option.is_empty() && *option != "defaults").map(str::to_owned).collect()
}

/// Arguments of mkfs that have a word of their own: labels, identities, and what is done anyway.
fn mkfs(filesystem: &mut Filesystem, args: &[String], place: &Place, report: &mut Report) {
    // disko splits nothing: `-L root` may be one argument or two.
    let words: Vec<&str> = args.iter().flat_map(|arg| arg.split_ascii_whitespace()).collect();
    let mut rest = words.as_slice();
    let mut left: Vec<&str> = Vec::new();
    while let [word, after @ ..] = rest {
        rest = after;
        let value = after.first().copied();
        let mut taken = true;
        match (filesystem.format, *word, value) {
            (Format::Ext4 | Format::Ext3 | Format::Ext2 | Format::Xfs, "-L", Some(label))
            | (Format::Vfat, "-n", Some(label))
            | (Format::F2fs, "-l", Some(label)) => {
                filesystem.label = Some(label.to_owned());
            }
            (Format::Ext4 | Format::Ext3 | Format::Ext2 | Format::F2fs, "-U", Some(id))
                if Uuid::try_parse(id).is_ok() =>
            {
                filesystem.uuid = Uuid::try_parse(id).ok();
            }
            (Format::Xfs, "-m", Some(id)) if id.strip_prefix("uuid=").is_some_and(|id| Uuid::try_parse(id).is_ok()) => {
                filesystem.uuid = id.strip_prefix("uuid=").and_then(|id| Uuid::try_parse(id).ok());
            }
            (Format::Vfat, "-F", Some("32")) => {}
            // To overwrite what is there is asked of nobody: the plan says it, and wants it named.
            (Format::Ext4 | Format::Ext3 | Format::Ext2, "-F", _)
            | (Format::Xfs | Format::F2fs, "-f", _)
            | (Format::Vfat, "-F32", _) => taken = false,
            (_, option, Some(value)) if check::may(filesystem.format, option, value) => {
                filesystem.extra_args.extend([option.to_owned(), value.to_owned()]);
            }
            _ => {
                left.push(word);
                taken = false;
            }
        }
        if taken {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    if !left.is_empty() {
        let message = format!("arguments of mkfs have no counterpart: `{}`", left.join(" ").escape_debug());
        report.left_out(place, message, "homehive's filesystems are made in one way; make it by hand to have another");
    }
}
