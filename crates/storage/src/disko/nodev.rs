//! disko's filesystems without a device.

use super::attrs::Attrs;
use super::content::options;
use super::finding::Report;
use crate::NodeId;
use crate::tree::{MountPoint, Nodev, Storage};

pub(super) fn nodev(all: &mut Attrs<'_>, storage: &mut Storage, report: &mut Report) {
    let Some(value) = all.raw("nodev") else { return };
    let Some(set) = Attrs::open(value, all.place.join("nodev"), report) else { return };
    for key in set.names() {
        let Some(value) = set.entry(key) else { continue };
        let Some(mut attrs) = Attrs::open(value, set.place.join(key), report) else { continue };
        let path = attrs.text("mountpoint", report).unwrap_or_else(|| key.to_owned());
        if path.parse::<MountPoint>().is_ok() {
            attrs.place = attrs.place.of(NodeId::nodev(&path));
        }
        attrs.text("type", report);
        attrs.hooks(report);
        let fstype = attrs.text("fsType", report).unwrap_or_default();
        // disko writes the type again where nothing else is to be said.
        let device = attrs.text("device", report).filter(|device| device != "none" && *device != fstype);
        let options = options(&mut attrs, report);
        attrs.close(report);
        match path.parse::<MountPoint>() {
            Ok(path) => drop(storage.nodev.insert(path, Nodev { fstype, device, options })),
            Err(reason) => {
                let message = format!("`{}` cannot be mounted", path.escape_debug());
                report.left_out(&attrs.place, message, reason.to_string());
            }
        }
    }
}
