//! What the tests share: trees read from text, and the NAS of the lab.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "each test binary uses its own part"
)]

pub mod loops;

use document::{Decode, Format, Path, Problems, read};
use storage::facts::Facts;
use storage::tree::Storage;
use storage::{Wish, identity};

pub const NAS: &str = include_str!("nas.toml");

pub fn storage(text: &str) -> Storage {
    let mut problems = Problems::default();
    let value = read(text, Format::Toml, &mut problems);
    let storage = Storage::decode(&value, &Path::root(), &mut problems);
    let messages: Vec<_> = problems.iter().map(|problem| format!("{problem:?}")).collect();
    assert!(messages.is_empty(), "{messages:?}");
    storage.unwrap()
}

/// The disks of machine `nas` of fleet `home`.
pub fn wish(text: &str) -> Wish {
    Wish::new(&storage(text), identity::namespace("home", "nas"))
}

/// What the lab's machine showed in this state.
pub fn facts(state: &str) -> Facts {
    let path = format!("{}/tests/fixtures/{state}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    storage::probe::parse(&text).unwrap_or_else(|error| panic!("{state}: {error}"))
}

/// The same machine with the kernel names of two disks swapped.
pub fn renamed(facts: &Facts, a: &str, b: &str) -> Facts {
    let mut facts = facts.clone();
    let swap = |name: &mut String| {
        if name == a {
            b.clone_into(name);
        } else if name == b {
            a.clone_into(name);
        }
    };
    for device in &mut facts.devices {
        swap(&mut device.name);
        device.path = match device.path.strip_prefix("/dev/") {
            Some(name) if name == a => format!("/dev/{b}"),
            Some(name) if name == b => format!("/dev/{a}"),
            _ => device.path.clone(),
        };
        device.parents.iter_mut().for_each(swap);
    }
    for array in &mut facts.arrays {
        swap(&mut array.device);
        array.members.iter_mut().for_each(|member| swap(&mut member.device));
    }
    let volumes = facts.groups.iter_mut().flat_map(|group| &mut group.volumes);
    volumes.for_each(|volume| volume.on.iter_mut().for_each(swap));
    let devices = facts.btrfs.iter_mut().flat_map(|btrfs| &mut btrfs.devices);
    devices.for_each(|device| swap(&mut device.device));
    facts.mounts.iter_mut().for_each(|mount| swap(&mut mount.device));
    facts.swaps.iter_mut().for_each(swap);
    facts.devices.sort_by(|a, b| a.name.cmp(&b.name));
    facts
}
