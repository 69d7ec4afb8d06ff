//! What a logical volume is if it is not linear, in disko's words for `lvm_type`: spread over several physical volumes, a
//! thin pool, or a thin volume. See lvmthin(7).

use super::Spread;
use document::{Decode, Path, Problems, Value};
use schemars::JsonSchema;
use serde::Serialize;

/// What a logical volume is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum VolumeType {
    /// Spread over its physical volumes.
    Spread(Spread),
    /// Part of a thin pool, or the pool.
    Thin(Thin),
}

/// Thin volumes take room of their pool when something is written to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub enum Thin {
    /// The room that thin volumes share. Nothing else lies on it.
    #[serde(rename = "thin-pool")]
    Pool,
    /// A volume in the pool that `pool` names: `size` is what it may grow to.
    #[serde(rename = "thinlv")]
    Volume,
}

impl VolumeType {
    /// How it is spread, if it is.
    pub fn spread(self) -> Option<Spread> {
        match self {
            Self::Spread(spread) => Some(spread),
            Self::Thin(_) => None,
        }
    }

    /// What of thin volumes it is, if anything.
    pub fn thin(self) -> Option<Thin> {
        match self {
            Self::Spread(_) => None,
            Self::Thin(thin) => Some(thin),
        }
    }

    /// The type that goes by this word.
    pub fn named(word: &str) -> Option<Self> {
        let spread = || Spread::ALL.into_iter().find(|spread| spread.word() == word).map(Self::Spread);
        Thin::ALL.into_iter().find(|thin| thin.word() == word).map(Self::Thin).or_else(spread)
    }
}

impl Thin {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Pool, Self::Volume];

    /// disko's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pool => "thin-pool",
            Self::Volume => "thinlv",
        }
    }

    /// LVM's segment type.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Pool => "thin-pool",
            Self::Volume => "thin",
        }
    }
}

impl Decode for VolumeType {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let word = String::decode(value, at, problems)?;
        let found = Self::named(&word);
        if found.is_none() {
            let help = match word.as_str() {
                "mirror" => "write \"raid1\": the same, without LVM's older log of what is in step".to_owned(),
                "linear" => "remove `lvm_type`: a volume is linear without".to_owned(),
                "thin" => "write \"thin-pool\" for the pool, or \"thinlv\" for a volume in one".to_owned(),
                _ => {
                    let all = Spread::ALL.map(Spread::word).into_iter().chain(Thin::ALL.map(Thin::word));
                    format!("known: {}", all.collect::<Vec<_>>().join(", "))
                }
            };
            let message = format!("unknown type of volume `{}`", word.escape_debug());
            problems.add(at, "storage::unknown_volume_type", message, "no such type", help);
        }
        found
    }
}
