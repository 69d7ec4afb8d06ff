//! Store paths and closures as values: what is a store path, and what Nix says of one.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// A path directly below `/nix/store`, such as `/nix/store/<hash>-system`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StorePath(String);

/// What was taken for a store path is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no store path: expected /nix/store/<hash>-<name>")]
pub struct NotAStorePath(pub String);

impl StorePath {
    /// Reads a store path. The digest has 32 characters of Nix's base 32 (no `e`, `o`, `u`, `t`), the name the
    /// characters that Nix allows in one (Nix manual, "Store Path").
    pub fn parse(text: &str) -> Result<Self, NotAStorePath> {
        let digest_char =
            |c: char| c.is_ascii_digit() || (c.is_ascii_lowercase() && !matches!(c, 'e' | 'o' | 'u' | 't'));
        let name_char = |c: char| c.is_ascii_alphanumeric() || "+-._?=".contains(c);
        let split = text.strip_prefix("/nix/store/").and_then(|base| base.split_at_checked(32));
        let fits = split.is_some_and(|(digest, rest)| {
            let name = rest.strip_prefix('-').unwrap_or_default();
            digest.chars().all(digest_char) && !name.is_empty() && name.len() <= 211 && name.chars().all(name_char)
        });
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAStorePath(text.to_owned())) }
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A file of it.
    #[must_use]
    pub fn file(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for StorePath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// A system, and everything it refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closure {
    /// The system itself.
    pub path: StorePath,
    /// All paths, the system's own among them, in Nix's order: what is referred to comes first.
    pub paths: Vec<StorePath>,
    /// Bytes of all paths as Nix archives.
    pub size: u64,
}

impl Closure {
    /// Puts together what `nix-store --query --requisites` and `nix-store --query --size` print.
    ///
    /// # Errors
    /// A line that is no store path.
    pub fn read(path: StorePath, requisites: &str, sizes: &str) -> Result<Self, NotAStorePath> {
        let paths = requisites.lines().map(StorePath::parse).collect::<Result<_, _>>()?;
        let size = sizes.lines().filter_map(|line| line.trim().parse::<u64>().ok()).sum();
        Ok(Self { path, paths, size })
    }
}

#[cfg(test)]
mod tests {
    use super::StorePath;

    #[test]
    fn only_store_paths_pass() {
        let digest = "0v7n991q2xlhy1nmkkbf2h4cwh3dmw52";
        for (text, fits) in [
            (format!("/nix/store/{digest}-system"), true),
            (format!("/nix/store/{digest}-nixos-system-nas-26.05"), true),
            (format!("/nix/store/{digest}-"), false),
            (format!("/nix/store/{digest}-a b"), false),
            (format!("/nix/store/{digest}-a/bin"), false),
            (format!("/nix/store/{digest}-a;reboot"), false),
            (format!("/nix/store/{}-system", digest.replace('0', "e")), false),
            (format!("/gnu/store/{digest}-system"), false),
            ("/nix/store/ä".repeat(40), false),
            (String::new(), false),
        ] {
            assert_eq!(StorePath::parse(&text).is_ok(), fits, "{text}");
        }
    }
}
