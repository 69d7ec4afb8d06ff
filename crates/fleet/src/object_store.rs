//! `[monitoring.object_store]`: an S3-compatible store that keeps what Thanos keeps, in place of a directory.

use crate::Endpoint;
use crate::text::as_text;
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// An S3-compatible store for what is kept long. Its two keys are no part of the fleet file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ObjectStore {
    /// The store's host, with its port.
    pub endpoint: Endpoint,
    /// The bucket; it must be there, and be used for nothing else.
    pub bucket: Bucket,
    /// The store's region; it is found out if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Plain HTTP, for a store in your own LAN; `false` if absent.
    #[serde(default)]
    pub insecure: bool,
}

/// Why a text is no part of an object store's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Not `thanos`.
    #[error("a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and ends in no dot or hyphen")]
    Bucket,
    /// Not `eu-central-1`.
    #[error("a region's name has lower-case letters, digits and hyphens")]
    Region,
}

/// The name of a bucket: docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bucket(String);

/// The name of a region.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region(String);

impl FromStr for Bucket {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let good = (3..=63).contains(&text.len())
            && text.chars().all(|c| end(c) || c == '.' || c == '-')
            && text.starts_with(end)
            && text.ends_with(end)
            && !text.contains("..");
        if good { Ok(Self(text.to_owned())) } else { Err(StoreError::Bucket) }
    }
}

impl FromStr for Region {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let good = (1..=63).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if good { Ok(Self(text.to_owned())) } else { Err(StoreError::Region) }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(Bucket, "fleet::bad_bucket", r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", "as the store calls it: \"thanos\"");
as_text!(Region, "fleet::bad_region", r"^[a-z0-9-]{1,63}$", "as the store calls it: \"eu-central-1\"");

impl Decode for ObjectStore {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let endpoint = table.required(
            "endpoint",
            "the store's host and port: `endpoint = \"s3.your-provider.net:443\"`",
            problems,
        );
        let bucket = table.required("bucket", "a bucket of its own: `bucket = \"thanos\"`", problems);
        let region = table.optional("region", problems);
        let insecure = table.or_default("insecure", problems);
        table.close(problems);
        Some(Self { endpoint: endpoint?, bucket: bucket?, region, insecure })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Region};

    #[test]
    fn names() {
        for (text, good) in [
            ("thanos", true),
            ("home.thanos-1", true),
            ("ab", false),
            ("Thanos", false),
            ("-thanos", false),
            ("thanos.", false),
            ("a..b", false),
            ("a/b", false),
        ] {
            assert_eq!(text.parse::<Bucket>().is_ok(), good, "{text}");
        }
        assert!("eu-central-1".parse::<Region>().is_ok());
        assert!("eu central".parse::<Region>().is_err());
    }
}
