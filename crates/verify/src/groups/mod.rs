//! Which groups a machine has, from what is declared of it: one file a subject.

mod access;
mod boot;
mod cluster;
mod data;
mod lvm;
mod raid;
mod subject;

pub use subject::{Door, Subject};

use crate::rules::{Claim, DiskRule};
use crate::{Ask, Check, Group};
use std::sync::Arc;
use storage::NodeId;
use storage::wish::Kind;

/// Every group that applies to the machine, in the order in which people read them.
pub fn groups(subject: &Subject) -> Vec<Group> {
    let all = [
        boot::group(subject),
        raid::group(subject),
        lvm::group(subject),
        data::group(subject),
        Some(access::ssh(subject)),
        Some(access::user(subject)),
        Some(cluster::firewall(subject)),
        cluster::k3s(subject),
        cluster::manifests(subject),
        Some(cluster::packages(subject)),
        cluster::completion(subject),
        cluster::pods(subject),
        cluster::claim(subject),
    ];
    all.into_iter().flatten().collect()
}

/// A check of what a disk holds.
fn disk_check(subject: &Subject, node: &NodeId, claim: Claim, title: impl Into<String>) -> Check {
    let word = serde_json::to_value(claim).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    let rule = DiskRule { node: node.clone(), claim, wish: Arc::clone(&subject.wish) };
    Check::one(&format!("{word}:{node}"), title, Ask::Facts, rule)
}

/// The nodes that are of this kind, with what is declared of each.
fn nodes<'a, T: 'a>(subject: &'a Subject, of: impl Fn(&'a Kind) -> Option<&'a T>) -> Vec<(&'a NodeId, &'a T)> {
    subject.wish.nodes.iter().filter_map(|node| Some((&node.id, of(&node.kind)?))).collect()
}

/// A group, unless it holds no check.
fn unless_empty(id: &'static str, title: impl Into<String>, checks: Vec<Check>) -> Option<Group> {
    (!checks.is_empty()).then(|| Group { id, title: title.into(), needs: Vec::new(), checks })
}
