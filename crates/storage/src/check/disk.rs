//! How disks are told apart.

use super::holder::Tree;
use crate::tree::Disk;
use document::{Path, Problems};
use std::collections::BTreeMap;

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    let mut used: BTreeMap<(&str, String), String> = BTreeMap::new();
    for (name, disk) in &tree.storage.disk {
        let at = tree.at.join("disk").join(name);
        let words = [("device", &disk.device), ("serial", &disk.serial), ("wwn", &disk.wwn), ("model", &disk.model)];
        let mut made_up = false;
        for (key, value) in words.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?))) {
            let at = at.join(key);
            if placeholder(value) {
                made_up = true;
                problems.add(
                    &at,
                    "storage::placeholder",
                    format!("disk `{name}` still has a placeholder as its {key}: `{value}`"),
                    "made up",
                    format!("write the disk's own {key}, as `homehive probe` shows it"),
                );
            } else if key == "device" {
                device(&at, name.as_ref(), value, problems);
            }
        }
        if disk.device.is_none() && disk.serial.is_none() && disk.wwn.is_none() {
            by_model(&at, name.as_ref(), disk, problems);
        }
        if made_up {
            continue;
        }
        let alone = words[..3].iter().filter_map(|(key, value)| Some((*key, (*value).clone()?)));
        let model = disk.model.as_ref().zip(disk.size).filter(|_| words[..3].iter().all(|(_, value)| value.is_none()));
        let model = model.map(|(model, size)| ("model", format!("{model} of {}", size.exact())));
        for (key, value) in alone.chain(model) {
            if let Some(other) = used.insert((key, value.to_lowercase()), name.to_string()) {
                problems.add(
                    &at.join(key),
                    "storage::disk_used_twice",
                    format!("disks `{other}` and `{name}` have the same {key}: `{value}`"),
                    format!("also `{other}`'s"),
                    "one disk is declared once: remove one of them, or write each its own serial",
                );
            }
        }
    }
}

fn by_model(at: &Path, name: &str, disk: &Disk, problems: &mut Problems) {
    let help = "write its `serial`, as `homehive probe` shows it; or `device`, `wwn`, or `model` with `size`";
    match (&disk.model, disk.size) {
        (Some(_), Some(_)) => {}
        (Some(_), None) => problems.add(
            at,
            "storage::unrecognisable_disk",
            format!("disk `{name}` has a model and no size: other disks may be of that model"),
            "no `size`",
            help,
        ),
        _ => problems.add(
            at,
            "storage::unrecognisable_disk",
            format!("nothing tells which disk `{name}` is"),
            "no `serial`",
            help,
        ),
    }
}

fn device(at: &Path, name: &str, path: &str, problems: &mut Problems) {
    let mut bad = |message: String, label: &str| {
        let help = "write a link that stays: /dev/disk/by-id/… or /dev/disk/by-path/…, as `homehive probe` shows it";
        problems.add(at, "storage::unstable_device", message, label, help);
    };
    let link = ["/dev/disk/by-id/", "/dev/disk/by-path/"].iter().find_map(|start| path.strip_prefix(start));
    match link {
        None if path.starts_with("/dev/disk/") => {
            bad(format!("disk `{name}` is named by what it holds: `{path}`"), "changes when it is formatted");
        }
        None => bad(format!("disk `{name}` has no lasting name: `{path}`"), "may be another disk after a reboot"),
        Some(link) if link.is_empty() || link.contains('/') || link.contains(char::is_whitespace) => {
            bad(format!("disk `{name}` has no link: `{path}`"), "no link");
        }
        Some(link) => {
            let part = link.rsplit_once("-part").map(|(_, number)| number);
            if part.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())) {
                bad(format!("disk `{name}` is named by a partition: `{path}`"), "a partition, not a disk");
            }
        }
    }
}

/// What templates write where a value belongs.
fn placeholder(value: &str) -> bool {
    let upper = value.to_uppercase();
    let words = ["REPLACE", "CHANGE", "TODO", "FIXME", "EXAMPLE", "XXXX", "…", "...", "<", ">"];
    value.trim().is_empty() || words.iter().any(|word| upper.contains(word))
}
