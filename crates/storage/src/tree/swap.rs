//! Swap space.

use super::table::Id;
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// Swap space.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Swap {
    /// Adopt swap space with this identity instead of the derived one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// 0 to 32767: swap space of a higher priority is used first; the kernel chooses if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 32767))]
    pub priority: Option<i32>,
    /// When the disk is told of what is not needed any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discard: Option<Discard>,
    /// Encrypted at each boot with another key, which nobody knows: nothing of it can be read after the machine is off, and
    /// the machine cannot resume from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub random_encryption: bool,
    /// The machine resumes from it after hibernation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resume: bool,
    /// Options, as in fstab(5), such as `nofail`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// When swap space is discarded, see swapon(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Discard {
    /// All of it, when it is taken into use.
    Once,
    /// Each page, when it is freed.
    Pages,
    /// Both.
    Both,
}

impl Discard {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Once, Self::Pages, Self::Both];

    /// The word of NixOS and disko.
    pub fn word(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Pages => "pages",
            Self::Both => "both",
        }
    }
}

impl Decode for Discard {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let word = String::decode(value, at, problems)?;
        let found = Self::ALL.into_iter().find(|discard| discard.word() == word);
        if found.is_none() {
            let message = format!("unknown discard policy `{word}`");
            problems.add(
                at,
                "storage::unknown_discard",
                message,
                "no such policy",
                "write \"once\", \"pages\" or \"both\"",
            );
        }
        found
    }
}

impl Decode for Swap {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        table.raw("type");
        let it = Self {
            uuid: table.optional("uuid", problems).map(|Id(uuid)| uuid),
            priority: table.optional("priority", problems),
            discard: table.optional("discard", problems),
            random_encryption: table.or_default("random_encryption", problems),
            resume: table.or_default("resume", problems),
            options: table.or_default("options", problems),
        };
        table.close(problems);
        Some(it)
    }
}
