//! An identity of LVM's, as it stands on disks that somebody else has set up.

use document::{Decode, Path, Problems, Value};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// An identity in LVM's form: 32 letters and digits in groups of 6-4-4-4-4-4-6. LVM makes them of any letter, so that most
/// are no UUIDs; a UUID does as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct LvmId(String);

impl LvmId {
    /// As LVM prints it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for LvmId {
    fn from(uuid: Uuid) -> Self {
        Self(crate::identity::lvm(uuid))
    }
}

impl std::str::FromStr for LvmId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let groups: Vec<&str> = text.split('-').collect();
        let lvm = groups.iter().map(|group| group.len()).eq([6, 4, 4, 4, 4, 4, 6])
            && text.chars().all(|c| c == '-' || c.is_ascii_alphanumeric());
        if lvm { Ok(Self(text.to_owned())) } else { Uuid::try_parse(text).map(Self::from) }
    }
}

impl Decode for LvmId {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let help = "an identity such as \"iRAnTi-nl5A-kMT9-0cy3-KgJZ-9jNZ-2Cb0Wc\", as pvs, vgs and lvs print it with `-o +uuid`";
        let text = String::decode(value, at, problems)?;
        let id = text.parse().ok();
        if id.is_none() {
            let message = format!("`{text}` is no identity of LVM's");
            problems.add(at, "storage::bad_uuid", message, "this value", help);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::LvmId;

    #[test]
    fn both_forms() {
        for (text, expected) in [
            ("iRAnTi-nl5A-kMT9-0cy3-KgJZ-9jNZ-2Cb0Wc", Some("iRAnTi-nl5A-kMT9-0cy3-KgJZ-9jNZ-2Cb0Wc")),
            ("c2c1b1a0-6f0e-4b6e-9d5a-0f3c7f1f2a11", Some("c2c1b1-a06f-0e4b-6e9d-5a0f-3c7f-1f2a11")),
            ("iRAnTi-nl5A-kMT9-0cy3-KgJZ-9jNZ", None),
            ("iRAnTi-nl5A-kMT9-0cy3-KgJZ-9jNZ-2Cb0W/", None),
            ("", None),
        ] {
            let id = text.parse::<LvmId>().ok();
            assert_eq!(id.as_ref().map(LvmId::as_str), expected, "{text}");
        }
    }
}
