//! A disk: how it is recognised, and what it holds.

use super::Content;
use crate::Size;
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;

/// A whole disk. Everything said about it must fit the one device that is meant: say at least one of `device`,
/// `serial`, `wwn`, or `model` with `size`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Disk {
    /// A stable path, such as `/dev/disk/by-id/usb-SanDisk_Ultra_4C53-0:0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The serial number, as `homehive probe` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The World Wide Name, as `homehive probe` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwn: Option<String>,
    /// The model, as `homehive probe` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The exact size, which tells disks of one model apart from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Does a reinstall keep what lies on this disk?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<bool>,
    /// What the disk holds; left alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

impl Decode for Disk {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let disk = Self {
            device: table.optional("device", problems),
            serial: table.optional("serial", problems),
            wwn: table.optional("wwn", problems),
            model: table.optional("model", problems),
            size: table.optional("size", problems),
            persistent: table.optional("persistent", problems),
            content: table.optional("content", problems),
        };
        table.close(problems);
        Some(disk)
    }
}
