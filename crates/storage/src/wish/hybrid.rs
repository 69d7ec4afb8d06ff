//! What the MBR in front of a GPT is to name beside the GPT.

use crate::NodeId;
use crate::tree::{self, MbrType};
use crate::wish::Partition;
use schemars::JsonSchema;
use serde::Serialize;

/// A hybrid MBR.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HybridMbr {
    /// Does the GPT's own entry come first? Else last.
    pub gpt_first: bool,
    /// The other entries, in the order of the disk.
    pub entries: Vec<HybridEntry>,
}

/// A partition of a GPT in the MBR in front of it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HybridEntry {
    /// Which.
    pub partition: NodeId,
    /// Its type in the MBR.
    #[serde(rename = "type")]
    pub kind: MbrType,
    /// Is it marked active there?
    pub active: bool,
}

impl HybridEntry {
    pub(super) fn new(id: &NodeId, declared: &tree::Hybrid, partition: &Partition) -> Self {
        let kind = declared.mbr_partition_type.unwrap_or_else(|| MbrType::of(partition.kind));
        Self { partition: id.clone(), kind, active: declared.mbr_bootable_flag }
    }
}
