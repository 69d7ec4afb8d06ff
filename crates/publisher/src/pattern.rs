//! How a share's host name is made from the share's name.

use std::fmt;
use std::str::FromStr;

/// A host name with a place for the share's name: `{share}-samba`, below `.local`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(String);

/// Why something is no pattern, or a share has no host name by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Each share needs a name of its own.
    #[error("`{0}` has no place for the share's name: write `{{share}}` exactly once, such as `{{share}}-samba`")]
    NoPlace(String),
    /// No label of DNS (RFC 1035: at most 63 letters, digits and hyphens, no hyphen at either end).
    #[error("`{0}` is no host name: at most 63 letters, digits and hyphens, with no hyphen at either end")]
    NoLabel(String),
}

const PLACE: &str = "{share}";

impl NamePattern {
    /// The host name of a share, with `.local`.
    ///
    /// # Errors
    /// The two together are no host name.
    pub fn host(&self, share: &str) -> Result<String, PatternError> {
        let label = self.0.replace(PLACE, &share.to_ascii_lowercase().replace(['.', '_', ' '], "-"));
        if is_label(&label) { Ok(format!("{label}.local")) } else { Err(PatternError::NoLabel(label)) }
    }
}

impl Default for NamePattern {
    fn default() -> Self {
        Self(format!("{PLACE}-samba"))
    }
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let text = text.strip_suffix(".local").unwrap_or(text);
        if text.matches(PLACE).count() != 1 {
            return Err(PatternError::NoPlace(text.to_owned()));
        }
        let pattern = Self(text.to_ascii_lowercase());
        pattern.host("x")?;
        Ok(pattern)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::NamePattern;

    #[test]
    fn a_pattern_has_one_place_and_gives_host_names() {
        for (pattern, share, host) in [
            ("{share}-samba", "timemachine", Some("timemachine-samba.local")),
            ("{share}-samba.local", "storage", Some("storage-samba.local")),
            ("smb-{share}", "My Files", Some("smb-my-files.local")),
            ("{share}", "-x", None),
            ("{share}", "ümlaut", None),
            ("{share}-samba", &"x".repeat(58), None),
            ("{share}-samba", &"x".repeat(57), Some(&*format!("{}-samba.local", "x".repeat(57)))),
        ] {
            let made = pattern.parse::<NamePattern>().unwrap().host(share).ok();
            assert_eq!(made.as_deref(), host, "{pattern} {share}");
        }
        for wrong in ["", "samba", "{share}{share}", "{share}.home", "-{share}"] {
            assert!(wrong.parse::<NamePattern>().is_err(), "{wrong}");
        }
        assert_eq!("{share}-samba".parse::<NamePattern>().unwrap(), NamePattern::default());
    }
}
