//! Filesystems without a device, such as tmpfs.

use document::{Decode, Path, Problems, Table, Value, parse_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A filesystem without a device.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Nodev {
    /// The filesystem's type, as mount(8) knows it: `tmpfs` is in memory, and empty at each boot.
    pub fstype: String,
    /// What it is mounted from, where the type asks for something: `server:/share` of `nfs`, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Mount options, as in fstab(5), such as `size=2G` and `mode=755`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Decode for Nodev {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let fstype = table.required("fstype", "write `fstype = \"tmpfs\"`, for example", problems);
        let device = table.optional("device", problems);
        let options = table.or_default("options", problems);
        table.close(problems);
        Some(Self { fstype: fstype?, device, options })
    }
}

/// Where something is mounted: an absolute path without blanks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^/[^ \t\r\n]*$"))]
pub struct MountPoint(String);

/// Why a text is no [`MountPoint`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write an absolute path without blanks, such as `/tmp`")]
pub struct MountPointError;

impl FromStr for MountPoint {
    type Err = MountPointError;

    fn from_str(text: &str) -> Result<Self, MountPointError> {
        let good = text.starts_with('/') && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if good { Ok(Self(text.to_owned())) } else { Err(MountPointError) }
    }
}

impl TryFrom<String> for MountPoint {
    type Error = MountPointError;

    fn try_from(text: String) -> Result<Self, MountPointError> {
        text.parse()
    }
}

impl From<MountPoint> for String {
    fn from(path: MountPoint) -> Self {
        path.0
    }
}

impl AsRef<str> for MountPoint {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MountPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Decode for MountPoint {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        parse_text(value, at, "storage::bad_mountpoint", "for example `/tmp`", problems)
    }
}
