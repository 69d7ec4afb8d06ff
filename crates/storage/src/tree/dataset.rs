//! ZFS: what lies in a pool, filesystems and volumes, and how it is encrypted.

use super::Content;
use crate::{Name, Size};
use document::{Decode, Path, Problems, Table, Value, parse_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A dataset of a pool: a filesystem, or with a `size` a volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Dataset {
    /// Where it is mounted; nowhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mountpoint: Option<String>,
    /// Mount options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Its properties, see zfsprops(7).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Encrypts it with a key of its own, and with it all that is below and does not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Takes a snapshot of this name when it is made, while nothing is in it: what a machine that forgets goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_snapshot: Option<Name>,
    /// Makes it a volume of this size, a device of its own, in whole MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// What the volume holds; left alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// ZFS's own encryption, by a passphrase of 8 to 512 bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Encryption {
    /// The cipher, as zfsprops(7) has it; `aes-256-gcm` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// A file with the passphrase, on the machine where homehive runs; a path that does not begin with `/` goes from the
    /// fleet file. If absent, the passphrase is asked for, or read from standard input, whenever it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// A file that holds the passphrase on the machine itself, where it is read when the machine boots; if absent, somebody
    /// types it at its console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_key_file: Option<String>,
}

/// Where a dataset lies in its pool: names of letters, digits, `_`, `-`, `.`, `:`, with `/` between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Za-z0-9][A-Za-z0-9_.:-]*(/[A-Za-z0-9][A-Za-z0-9_.:-]*)*$"))]
pub struct DatasetPath(String);

/// Why a text is no [`DatasetPath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write names of letters, digits, `_`, `-`, `.` or `:`, with `/` between them, such as `home` or `root/nix`")]
pub struct DatasetPathError;

impl FromStr for DatasetPath {
    type Err = DatasetPathError;

    fn from_str(text: &str) -> Result<Self, DatasetPathError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        let part = |part: &str| part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(plain);
        // ZFS takes 255 bytes with the pool's name, and snapshots want some of them.
        let good = text.len() <= 200 && text.split('/').all(part);
        if good { Ok(Self(text.to_owned())) } else { Err(DatasetPathError) }
    }
}

impl TryFrom<String> for DatasetPath {
    type Error = DatasetPathError;

    fn try_from(text: String) -> Result<Self, DatasetPathError> {
        text.parse()
    }
}

impl From<DatasetPath> for String {
    fn from(path: DatasetPath) -> Self {
        path.0
    }
}

impl fmt::Display for DatasetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for DatasetPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Decode for DatasetPath {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        parse_text(value, at, "storage::bad_dataset", "for example `home` or `root/nix`", problems)
    }
}

impl Decode for Encryption {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self {
            cipher: table.optional("cipher", problems),
            key_file: table.optional("key_file", problems),
            boot_key_file: table.optional("boot_key_file", problems),
        };
        table.close(problems);
        Some(it)
    }
}

impl Decode for Dataset {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self {
            mountpoint: table.optional("mountpoint", problems),
            options: table.or_default("options", problems),
            properties: table.or_default("properties", problems),
            encryption: table.optional("encryption", problems),
            empty_snapshot: table.optional("empty_snapshot", problems),
            size: table.optional("size", problems),
            content: table.optional("content", problems),
        };
        table.close(problems);
        Some(it)
    }
}

#[cfg(test)]
mod tests {
    use super::DatasetPath;

    #[test]
    fn paths() {
        for (text, good) in [
            ("home", true),
            ("root/nix", true),
            ("a_b-c.d:e", true),
            ("", false),
            ("/home", false),
            ("home/", false),
            ("a//b", false),
            ("a b", false),
            ("a@now", false),
            ("-a", false),
            ("..", false),
        ] {
            assert_eq!(text.parse::<DatasetPath>().is_ok(), good, "{text}");
        }
    }
}
