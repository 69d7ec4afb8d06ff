//! Disks across machines: no disk is in two of them. Disks within one machine are `storage`'s business.

use super::path;
use crate::declared::Draft;
use document::Problems;
use std::collections::HashMap;

pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    let mut seen: HashMap<(&str, &str), &str> = HashMap::new();
    for (host, machine) in &draft.machines {
        for (name, disk) in &machine.storage.disk {
            // The link names of `by-id` are made of model and serial; those of `by-path` are the same in two machines.
            let device = disk.device.as_deref().filter(|device| device.starts_with("/dev/disk/by-id/"));
            let words = [("serial", disk.serial.as_deref()), ("wwn", disk.wwn.as_deref()), ("device", device)];
            for (key, value) in words {
                let Some(value) = value else { continue };
                let Some(other) = seen.insert((key, value), host.as_ref()) else { continue };
                if other != host.as_ref() {
                    let at = path(["machines", host.as_ref(), "storage", "disk", name.as_ref(), key]);
                    let message = format!("disk `{name}` of `{host}` is a disk of `{other}` too");
                    let help = format!("a disk is in one machine: correct the {key} of one of the two");
                    problems.add(&at, "fleet::disk_in_two_machines", message, format!("the same {key}"), help);
                }
            }
        }
    }
}
