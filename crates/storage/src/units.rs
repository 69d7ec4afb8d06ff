//! Names and sizes as a person writes them, parsed once at the door.

use document::{Decode, Path, Problems, Value, parse_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The name of a disk, partition, array, volume group or volume: it becomes a device name, a GPT label and an LVM name,
/// so it holds letters, digits, `_` and `-` only, starts with a letter or digit, and has at most 32 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"))]
pub struct Name(String);

/// Why a text is no [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write 1 to 32 letters, digits, `_` or `-`, a letter or digit first")]
pub struct NameError;

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let good = text.len() <= 32 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain);
        if good { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Decode for Name {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        parse_text(value, at, "storage::bad_name", "for example `nas` or `data`", problems)
    }
}

/// The name of a node of the device tree: `disk.nvme`, `disk.nvme.root` (a partition), `mdadm.nas`, `lvm_vg.nas`,
/// `lvm_vg.nas.data` (a logical volume), `luks.crypt` (an opened LUKS container).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct NodeId(String);

impl NodeId {
    /// `disk.<name>`
    pub fn disk(name: &Name) -> Self {
        Self(format!("disk.{name}"))
    }

    /// `mdadm.<name>`
    pub fn array(name: &Name) -> Self {
        Self(format!("mdadm.{name}"))
    }

    /// `lvm_vg.<name>`
    pub fn group(name: &Name) -> Self {
        Self(format!("lvm_vg.{name}"))
    }

    /// `zpool.<name>`
    pub fn pool(name: &Name) -> Self {
        Self(format!("zpool.{name}"))
    }

    /// `zpool.<name>.<path>`: a dataset of this pool, the pool itself if the path is empty.
    #[must_use]
    pub fn dataset(&self, path: &str) -> Self {
        if path.is_empty() { self.clone() } else { Self(format!("{}.{path}", self.0)) }
    }

    /// `luks.<name>`: what opened encryption of this name shows.
    pub fn crypt(name: &Name) -> Self {
        Self(format!("luks.{name}"))
    }

    /// `nodev.<mount point>`
    pub fn nodev(mountpoint: &str) -> Self {
        Self(format!("nodev.{mountpoint}"))
    }

    /// A partition of this disk, a volume of this group, a further key of this container.
    #[must_use]
    pub fn child(&self, name: &Name) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    /// The node as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for NodeId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Decode for NodeId {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        String::decode(value, at, problems).map(Self)
    }
}

/// A number of bytes. Written with a unit: `512MiB`, `96GiB`, `4TB`; a bare `K`, `M`, `G`, `T` counts in powers of 1024
/// as disko and LVM do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

/// Why a text is no [`Size`] or no [`Extent`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Not a number with a unit.
    #[error("`{0}` is not a size")]
    NoSize(String),
    /// A number without unit.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// Nothing, or more than 2^64 bytes.
    #[error("`{0}` is out of range")]
    Range(String),
    /// Not 1 to 100.
    #[error("`{0}` is not a share from 1% to 100%")]
    Percent(String),
}

const UNITS: [(&str, u64); 18] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

impl Size {
    /// The size as text that reads back as exactly this size: `96GiB`, `4000000000001B`.
    pub fn exact(self) -> String {
        let whole = UNITS[..6].iter().rev().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        let (unit, factor) = whole.unwrap_or(&UNITS[0]);
        format!("{}{unit}", self.0 / factor)
    }
}

impl Extent {
    /// The extent as text that reads back as exactly this extent.
    pub fn exact(self) -> String {
        match self {
            Self::Size(size) => size.exact(),
            other => other.to_string(),
        }
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let trimmed = text.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = (&trimmed[..digits], trimmed[digits..].trim_start());
        if number.is_empty() {
            return Err(SizeError::NoSize(text.to_owned()));
        }
        if unit.is_empty() {
            return Err(SizeError::NoUnit(text.to_owned()));
        }
        let (_, factor) =
            UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| SizeError::NoSize(text.to_owned()))?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let bad = |_| SizeError::NoSize(text.to_owned());
        let mut bytes = u128::from(whole.parse::<u64>().map_err(bad)?) * u128::from(*factor);
        if number.contains('.') {
            let digits = u32::try_from(part.len()).ok().filter(|digits| (1..=9).contains(digits));
            let scale = 10_u128.pow(digits.ok_or_else(|| SizeError::NoSize(text.to_owned()))?);
            bytes += u128::from(part.parse::<u64>().map_err(bad)?) * u128::from(*factor) / scale;
        }
        match u64::try_from(bytes) {
            Ok(bytes) if bytes > 0 => Ok(Self(bytes)),
            _ => Err(SizeError::Range(text.to_owned())),
        }
    }
}

/// The largest binary unit that divides the number, else one decimal of the largest that fits.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = &UNITS[..6];
        if let Some((unit, factor)) =
            binary.iter().rev().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            && self.0 / factor < 10_000
        {
            return f.pad(&format!("{}{unit}", self.0 / factor));
        }
        let (unit, factor) = binary.iter().rev().find(|(_, factor)| self.0 >= *factor).unwrap_or(&UNITS[0]);
        let tenths = u128::from(self.0) * 10 / u128::from(*factor);
        f.pad(&format!("{}.{}{unit}", tenths / 10, tenths % 10))
    }
}

impl Decode for Size {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        parse_text(value, at, "storage::bad_size", "a number with a unit: \"512MiB\", \"96GiB\", \"4TB\"", problems)
    }
}

/// How large a partition or volume is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// This many bytes.
    Size(Size),
    /// This share, in percent from 1 to 99, of what the fixed sizes beside it leave.
    Percent(u8),
    /// Everything that is left: written `end` or `100%`.
    End,
}

impl FromStr for Extent {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        match text.trim() {
            "end" | "100%" => Ok(Self::End),
            share if share.ends_with('%') => match share[..share.len() - 1].trim().parse() {
                Ok(percent @ 1..=99) => Ok(Self::Percent(percent)),
                _ => Err(SizeError::Percent(text.to_owned())),
            },
            size => size.parse().map(Self::Size),
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => size.fmt(f),
            Self::Percent(percent) => f.pad(&format!("{percent}%")),
            Self::End => f.pad("end"),
        }
    }
}

impl Decode for Extent {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let help = "a size (\"96GiB\"), a share of the rest (\"50%\"), or \"end\"";
        parse_text(value, at, "storage::bad_size", help, problems)
    }
}

macro_rules! as_text {
    ($($kind:ty, $pattern:literal, $example:literal;)*) => { $(
        impl Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.exact())
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $kind {
            fn schema_name() -> Cow<'static, str> {
                stringify!($kind).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "examples": [$example] })
            }
        }
    )* };
}
as_text! {
    Size, r"^\s*[0-9]+(\.[0-9]{1,9})?\s*(B|[KMGTP]iB|[KMGT]i?|[KMGT]B)\s*$", "96GiB";
    Extent, r"^\s*(end|[0-9]{1,3}\s*%|[0-9]+(\.[0-9]{1,9})?\s*(B|[KMGTP]iB|[KMGT]i?|[KMGT]B))\s*$", "96GiB";
}

#[cfg(test)]
mod tests {
    use super::{Extent, Name, Size};
    use proptest::prelude::*;

    #[test]
    fn sizes() {
        for (text, bytes, shown) in [
            ("512MiB", Ok(512 << 20), "512MiB"),
            ("96GiB", Ok(96 << 30), "96GiB"),
            ("1.5 GiB", Ok(3 << 29), "1536MiB"),
            ("2T", Ok(2 << 40), "2TiB"),
            ("4TB", Ok(4_000_000_000_000), "3.6TiB"),
            ("10", Err(()), ""),
            ("0GiB", Err(()), ""),
            ("many", Err(()), ""),
            ("1.GiB", Err(()), ""),
            ("99999999999PiB", Err(()), ""),
        ] {
            let size: Result<Size, ()> = text.parse().map_err(|_| ());
            assert_eq!(size.map(|size| size.0), bytes, "{text}");
            assert_eq!(size.map_or(String::new(), |size| size.to_string()), shown, "{text}");
        }
    }

    #[test]
    fn extents() {
        assert_eq!("100%".parse(), Ok(Extent::End));
        assert_eq!("end".parse(), Ok(Extent::End));
        assert_eq!("30%".parse(), Ok(Extent::Percent(30)));
        assert!("0%".parse::<Extent>().is_err());
        assert!("101%".parse::<Extent>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_an_error(text in "\\PC*") {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if let Ok(name) = text.parse::<Name>() {
                prop_assert!(name.as_ref().chars().all(plain));
            }
        }

        #[test]
        fn exact_text_reads_back(bytes in 1_u64..) {
            prop_assert_eq!(Size(bytes).exact().parse(), Ok(Size(bytes)));
        }
    }
}
