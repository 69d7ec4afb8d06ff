//! disko's btrfs with its subvolumes and swap files.

use super::attrs::{Attrs, Place, Usual};
use super::content::options;
use super::finding::Report;
use super::named;
use crate::tree::{Btrfs, Content, Profile, Subvolume, SubvolumePath, SwapFile};
use crate::{Name, Size};
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) fn btrfs(attrs: &mut Attrs<'_>, report: &mut Report) -> Option<Content> {
    let mut btrfs = Btrfs {
        mountpoint: attrs.text("mountpoint", report),
        options: options(attrs, report),
        swap: swap(attrs, report),
        ..Btrfs::default()
    };
    let args = attrs.texts("extraArgs", report);
    mkfs(&mut btrfs, &args, &attrs.place.join("extraArgs"), report);
    if let Some(value) = attrs.raw("subvolumes") {
        let place = attrs.place.join("subvolumes");
        let set = Attrs::open(value, place, report)?;
        for key in set.names() {
            let Some(value) = set.entry(key) else { continue };
            let Some(mut attrs) = Attrs::open(value, set.place.join(key), report) else { continue };
            let given = attrs.text("name", report).unwrap_or_else(|| key.to_owned());
            attrs.text("type", report);
            attrs.hooks(report);
            attrs.leave("extraArgs", &[], "subvolumes are made in one way; make it by hand to have another", report);
            let subvolume = Subvolume {
                mountpoint: attrs.text("mountpoint", report),
                options: options(&mut attrs, report),
                swap: swap(&mut attrs, report),
            };
            attrs.close(report);
            match given.parse::<SubvolumePath>() {
                Ok(path) => drop(btrfs.subvolumes.insert(path, subvolume)),
                // The top itself.
                Err(_) if given == "/" && btrfs.mountpoint.is_none() => {
                    (btrfs.mountpoint, btrfs.options) = (subvolume.mountpoint, subvolume.options);
                    btrfs.swap.extend(subvolume.swap);
                }
                Err(reason) => {
                    let message = format!("subvolume `{}`", given.escape_debug());
                    report.left_out(&attrs.place, message, reason.to_string());
                }
            }
        }
    }
    Some(Content::Btrfs(btrfs))
}

fn swap(attrs: &mut Attrs<'_>, report: &mut Report) -> BTreeMap<Name, SwapFile> {
    let mut files = BTreeMap::new();
    let Some(value) = attrs.raw("swap") else { return files };
    let Some(set) = Attrs::open(value, attrs.place.join("swap"), report) else { return files };
    for key in set.names() {
        let Some(value) = set.entry(key) else { continue };
        let Some(mut attrs) = Attrs::open(value, set.place.join(key), report) else { continue };
        let path = attrs.text("path", report).unwrap_or_else(|| key.to_owned());
        let size = attrs.text("size", report).unwrap_or_default();
        let module = "write it in a NixOS module of the machine (`modules`), as an option of `swapDevices`";
        attrs.leave("priority", &[Usual::Whole(-1)], module, report);
        if attrs.texts("options", report).iter().any(|option| option != "defaults") {
            report.left_out(&attrs.place.join("options"), "options of a swap file have no counterpart", module);
        }
        attrs.close(report);
        let Ok(size) = size.parse::<Size>() else {
            let message = format!("a swap file of size `{}`", size.escape_debug());
            report.left_out(&attrs.place.join("size"), message, "write a size, such as \"4G\"");
            continue;
        };
        if let Some(name) = named(&path, &attrs.place, report) {
            files.insert(name, SwapFile { size });
        }
    }
    files
}

/// Arguments of mkfs.btrfs that have a word of their own.
pub(super) fn mkfs(btrfs: &mut Btrfs, args: &[String], place: &Place, report: &mut Report) {
    let words: Vec<&str> =
        args.iter().flat_map(|arg| arg.split(|c: char| c.is_ascii_whitespace() || c == '=')).collect();
    let profile = |word: &str| Profile::ALL.into_iter().find(|profile| profile.word().eq_ignore_ascii_case(word));
    let mut rest = words.as_slice();
    let mut left: Vec<&str> = Vec::new();
    while let [word, after @ ..] = rest {
        let value = after.first().copied();
        let taken = match (*word, value) {
            ("-L" | "--label", Some(label)) => {
                btrfs.label = Some(label.to_owned());
                true
            }
            ("-U" | "--uuid", Some(id)) if Uuid::try_parse(id).is_ok() => {
                btrfs.uuid = Uuid::try_parse(id).ok();
                true
            }
            ("-d" | "--data", Some(word)) if profile(word).is_some() => {
                btrfs.data = profile(word);
                true
            }
            ("-m" | "--metadata", Some(word)) if profile(word).is_some() => {
                btrfs.metadata = profile(word);
                true
            }
            // To overwrite what is there is asked of nobody: the plan says it, and wants it named.
            ("-f" | "--force" | "", _) => false,
            _ => {
                left.push(word);
                false
            }
        };
        rest = after.get(usize::from(taken)..).unwrap_or_default();
    }
    let (devices, left): (Vec<&str>, Vec<&str>) = left.into_iter().partition(|word| word.starts_with("/dev/"));
    if !devices.is_empty() {
        // Whether they are declared is known when all of the tree has been read.
        report.further.push((place.clone(), devices.into_iter().map(str::to_owned).collect()));
    }
    if !left.is_empty() {
        let message = format!("arguments of mkfs have no counterpart: `{}`", left.join(" ").escape_debug());
        report.left_out(place, message, "homehive's filesystems are made in one way; make it by hand to have another");
    }
}

/// Further devices that are not to be found in the tree, or hold something else.
pub(super) fn strange(place: &Place, devices: &[String], report: &mut Report) {
    let message = format!("further devices of the btrfs: `{}`", devices.join(" ").escape_debug());
    let help = match &place.node {
        Some(node) => format!("give each of them `content = {{ type = \"btrfs_member\", of = \"{node}\" }}`"),
        None => "give each of them content of type \"btrfs_member\"".to_owned(),
    };
    report.left_out(place, message, help);
}
