//! What is wrong with a declared device tree before any machine is looked at; reading the tree's words is `tree`'s
//! business, and whether it fits a machine `plan`'s.

mod array;
mod btrfs;
mod cycle;
mod disk;
mod filesystem;
mod group;
mod holder;
mod hybrid;
mod luks;
mod mkfs;
mod nodev;
mod pool;
mod swap;
mod table;
#[cfg(test)]
mod tests;
mod thin;

pub(crate) use mkfs::may;

use crate::tree::Storage;
use document::{Path, Problems};
use holder::Tree;

/// Finds everything wrong with `storage`, which stands at `at` of the document (`machines.nas.storage`, say).
///
/// A tree that nothing is found wrong with can be resolved and planned.
pub fn check(storage: &Storage, at: &Path, problems: &mut Problems) {
    let tree = Tree::of(storage, at);
    disk::check(&tree, problems);
    table::check(&tree, problems);
    array::check(&tree, problems);
    group::check(&tree, problems);
    filesystem::check(&tree, problems);
    btrfs::check(&tree, problems);
    luks::check(&tree, problems);
    pool::check(&tree, problems);
    nodev::check(&tree, problems);
    swap::check(&tree, problems);
    cycle::check(&tree, problems);
}
