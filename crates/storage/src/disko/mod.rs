//! disko's device tree becomes ours: what has a counterpart is carried over, everything else is named with its place.
//!
//! Pure: the tree comes as a [`document::Value`]; reading JSON and evaluating Nix are the caller's business.

mod attrs;
mod btrfs;
mod content;
mod device;
mod finding;
mod group;
mod legacy;
mod luks;
mod merge;
mod nodev;
mod pool;
mod size;
mod swap;
mod table;
mod toml;

pub use finding::{Finding, Kind};
pub use merge::{Clash, Source, merge};

use crate::tree::Storage;
use crate::{Name, check};
use attrs::{Attrs, Place};
use document::{Path, Problems, Value};
use finding::Report;

/// A device tree of disko's in our words, and what of it has no counterpart.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// What was carried over.
    pub storage: Storage,
    /// Everything else, in the order of the tree, then what [`check()`] says of the result. Empty if all of the tree was
    /// carried over and nothing is wrong with it.
    pub findings: Vec<Finding>,
}

impl Import {
    /// Lines of a fleet file, for the machine of this name; what was found stands there as comments.
    pub fn to_toml(&self, machine: &str) -> String {
        toml::write(&self.storage, &self.findings, machine)
    }
}

/// The attributes of a device tree that are kinds of devices.
const KINDS: [&str; 6] = ["disk", "mdadm", "lvm_vg", "zpool", "nodev", "bcachefs_filesystems"];

/// Finds the device tree in what a file says: the tree itself, or what holds it as `disko.devices` or `devices`.
pub fn devices(value: &Value) -> Option<&Value> {
    let inner = value.get("disko").and_then(|disko| disko.get("devices")).or_else(|| value.get("devices"));
    let tree = inner.unwrap_or(value);
    KINDS.iter().any(|kind| tree.get(kind).is_some()).then_some(tree)
}

/// Converts a device tree ([`devices`] finds it).
pub fn import(tree: &Value) -> Import {
    let mut report = Report::default();
    let mut storage = Storage::default();
    if let Some(mut attrs) = Attrs::open(tree, Place::root(), &mut report) {
        device::disks(&mut attrs, &mut storage, &mut report);
        device::arrays(&mut attrs, &mut storage, &mut report);
        group::groups(&mut attrs, &mut storage, &mut report);
        pool::pools(&mut attrs, &mut storage, &mut report);
        pool::whole_disks(&mut storage, &mut report);
        nodev::nodev(&mut attrs, &mut storage, &mut report);
        further(&mut storage, &mut report);
        unknown_kinds(&mut attrs, &mut report);
        attrs.close(&mut report);
    }
    let mut problems = Problems::default();
    check(&storage, &Path::root(), &mut problems);
    report.checked(&problems);
    Import { storage, findings: report.findings }
}

/// Further devices of a btrfs: those that are declared, and nothing else, join it.
fn further(storage: &mut Storage, report: &mut Report) {
    for (place, devices) in std::mem::take(&mut report.further) {
        let mut joins = |device: &String| place.node.as_ref().is_some_and(|of| luks::joined(storage, device, of));
        let left: Vec<String> = devices.into_iter().filter_map(|device| (!joins(&device)).then_some(device)).collect();
        if !left.is_empty() {
            btrfs::strange(&place, &left, report);
        }
    }
}

/// Whole kinds of devices that have no counterpart.
fn unknown_kinds(attrs: &mut Attrs<'_>, report: &mut Report) {
    let Some(value) = attrs.raw("bcachefs_filesystems") else { return };
    let Some(entries) = Attrs::open(value, attrs.place.join("bcachefs_filesystems"), report) else { return };
    let help = "the kernel no longer brings it, and its tools come with a module of their own: take btrfs, xfs or ext4, or keep this \
                part in disko and mount it in a NixOS module of the machine (`modules`)";
    for name in entries.names() {
        report.left_out(&entries.place.join(name), "bcachefs is not made by homehive", help);
    }
}

/// A name of ours for one of disko's, always the same one: what does not fit becomes `_`, and 32 characters are kept.
fn plain(text: &str) -> Option<Name> {
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let name: String = text.chars().map(fits).skip_while(|c| !c.is_ascii_alphanumeric()).take(32).collect();
    name.parse().ok()
}

/// [`plain`], telling of a name that had to change.
fn named(text: &str, place: &Place, report: &mut Report) -> Option<Name> {
    let name = plain(text);
    match &name {
        Some(name) if name.as_ref() != text => report.changed(
            place,
            format!("the name `{}` becomes `{name}`", text.escape_debug()),
            "names hold 1 to 32 letters, digits, `_` and `-`; choose a better one, the same in all places",
        ),
        Some(_) => {}
        None => report.left_out(
            place,
            format!("`{}` has no letter or digit that a name could begin with", text.escape_debug()),
            "give it another name in disko's tree, and import again",
        ),
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{devices, plain};
    use document::{Format, Problems, read};

    #[test]
    fn names() {
        for (text, expected) in [
            ("main", Some("main")),
            ("/dev/vdb", Some("dev_vdb")),
            ("name with spaces", Some("name_with_spaces")),
            ("a123456789b123456789c123456789d123456789", Some("a123456789b123456789c123456789d1")),
            ("é-x", Some("x")),
            ("_", None),
            ("", None),
        ] {
            assert_eq!(plain(text).map(|name| name.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_tree_is_found_wherever_it_stands() {
        for (text, found) in [
            (r#"{"disk": {}}"#, true),
            (r#"{"disko": {"devices": {"disk": {}}}}"#, true),
            (r#"{"devices": {"lvm_vg": {}}, "x": 1}"#, true),
            (r#"{"disko": {"devices": {}}}"#, false),
            (r#"{"disks": {}}"#, false),
            ("[1]", false),
        ] {
            let value = read(text, Format::Json, &mut Problems::default());
            assert_eq!(devices(&value).is_some(), found, "{text}");
        }
    }
}
