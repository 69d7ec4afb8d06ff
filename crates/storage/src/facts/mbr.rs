//! The MBR in front of a GPT, where it names more than the GPT.

use crate::tree::MbrType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An entry of a hybrid MBR.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MbrEntry {
    /// Its place in the MBR, from 1 to 4.
    pub number: u32,
    /// Its type; `0xee` is the GPT itself.
    #[serde(rename = "type")]
    pub kind: MbrType,
    /// Is it marked active?
    #[serde(default)]
    pub active: bool,
    /// First byte on the disk.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}
