//! What can only be checked across a fleet: addresses, the cluster, shares, disks, mail. What is broken in itself was
//! told of when it was read, and is not complained of again here.

mod cluster;
mod disks;
mod mail;
mod network;
mod shares;

use crate::declared::Draft;
use document::{Path, Problems, Value};

/// Adds everything that is wrong across the fleet.
pub(crate) fn check(draft: &Draft, root: &Value, problems: &mut Problems) {
    if let Some(network) = &draft.network {
        network::check(network, draft, problems);
    }
    cluster::check(draft, root, problems);
    shares::check(draft, root, problems);
    disks::check(draft, problems);
    mail::check(draft, problems);
}

/// A path from words.
fn path<const N: usize>(keys: [&str; N]) -> Path {
    Path::from_iter(keys)
}

/// Does the file have this entry, even if it could not be read?
fn stands(root: &Value, section: &str, name: &str) -> bool {
    root.get(section).is_some_and(|section| section.get(name).is_some())
}
