//! What can only be checked across a fleet: addresses, the cluster, shares, disks, the rollout, mail, and what NixOS
//! would make of it. What is broken in itself was
//! told of when it was read, and is not complained of again here.

mod cluster;
mod deploy;
mod disks;
mod fixed;
mod mail;
mod memory;
mod mirrors;
mod monitoring;
mod mounts;
mod network;
mod pins;
mod shares;
mod system;

use crate::declared::Draft;
use document::{Kind, Path, Problems, Value};

/// Adds everything that is wrong across the fleet.
pub(crate) fn check(draft: &Draft, root: &Value, problems: &mut Problems) {
    if let Some(network) = &draft.network {
        network::check(network, draft, problems);
        fixed::check(network, draft, problems);
    }
    cluster::check(draft, root, problems);
    shares::check(draft, root, problems);
    disks::check(draft, problems);
    deploy::check(draft, root, problems);
    mail::check(draft, problems);
    monitoring::check(draft, root, problems);
    pins::check(draft, problems);
    system::check(draft, root, problems);
    mounts::check(draft, problems);
    mirrors::check(draft, problems);
    memory::check(draft, problems);
}

/// A path from words.
fn path<const N: usize>(keys: [&str; N]) -> Path {
    Path::from_iter(keys)
}

/// What lies on a volume is named in units and in tmpfiles.d(5), which have quoting rules of their own each.
fn plain_volume(volume: &str, at: &Path, problems: &mut Problems) {
    if !storage::wish::plain(volume) {
        let message = format!("the cluster can keep nothing on `{volume}`");
        let help = format!("mount the volume at a path of {}", storage::wish::PLAIN);
        problems.add(at, "fleet::odd_volume", message, "an unusual path", help);
    }
}

/// How many machines the file has, even if they could not be read.
fn declared_machines(root: &Value) -> usize {
    match root.get("machines").map(|value| &value.kind) {
        Some(Kind::Table(entries)) => entries.len(),
        _ => 0,
    }
}

/// Does the file have this entry, even if it could not be read?
fn stands(root: &Value, section: &str, name: &str) -> bool {
    root.get(section).is_some_and(|section| section.get(name).is_some())
}
