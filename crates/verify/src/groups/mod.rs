//! Which groups a machine has, from what is declared of it: one file a subject.

mod access;
mod boot;
mod cluster;
mod data;
mod lvm;
mod raid;

use crate::rules::{Claim, DiskRule};
use crate::{Ask, Check, Group};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;
use storage::wish::Kind;
use storage::{NodeId, Wish};

/// What groups need to know of a machine: a part of the fleet, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Subject {
    /// The machine's name.
    pub machine: String,
    /// The admin user.
    pub user: String,
    /// The admin's public keys, as lines of an authorized keys file.
    pub keys: Vec<String>,
    /// Its disks.
    #[serde(skip)]
    pub wish: Arc<Wish>,
    /// The disk whose boot sector the BIOS starts; none if it boots otherwise.
    pub boot_sector: Option<NodeId>,
    /// Does it run the cluster's API?
    pub k3s_server: bool,
    /// Beginnings of the names of manifests that must lie on it.
    pub manifests: Vec<String>,
    /// Namespaces that must hold pods.
    pub namespaces: Vec<String>,
    /// How the operator's side reaches it by SSH.
    pub door: Door,
    /// A text that was never used before: it makes what is written for proof unlike anything that is there. Letters
    /// and digits.
    pub nonce: String,
}

/// How the operator's side reaches a machine by SSH.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Door {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The file that holds its host key.
    pub known_hosts: Option<String>,
    /// The private key that the admin logs in with; those of the agent if absent.
    pub identity: Option<String>,
}

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
