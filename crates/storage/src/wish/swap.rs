//! Resolved swap space.

use super::{Kind, Node};
use crate::tree::{self, Discard};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// Swap space.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Swap {
    /// Its UUID; with a random key nothing bears it.
    pub uuid: Uuid,
    /// Its priority; the kernel chooses if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// When the disk is told of what is not needed any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discard: Option<Discard>,
    /// Is it encrypted with a random key at each boot?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub random: bool,
    /// Does the machine resume from it?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resume: bool,
    /// Options, as in fstab(5).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Swap {
    pub(super) fn new(declared: &tree::Swap, uuid: Uuid) -> Self {
        Self {
            uuid,
            priority: declared.priority,
            discard: declared.discard,
            random: declared.random_encryption,
            resume: declared.resume,
            options: declared.options.clone(),
        }
    }

    /// In a few words.
    pub fn shown(&self) -> &'static str {
        if self.random { "swap with a random key" } else { "swap" }
    }

    /// Where the running machine finds it on this node: by its UUID, or, where nothing can bear one, by the partition.
    pub fn device(&self, node: &Node) -> Option<String> {
        match &node.kind {
            _ if !self.random => Some(format!("/dev/disk/by-uuid/{}", self.uuid)),
            Kind::Partition(partition) => Some(format!("/dev/disk/by-partuuid/{}", partition.partuuid)),
            Kind::Disk(_)
            | Kind::Array(_)
            | Kind::Group(_)
            | Kind::Volume(_)
            | Kind::Crypt(_)
            | Kind::Pool(_)
            | Kind::Zvol(_) => node.path.clone(),
        }
    }
}
