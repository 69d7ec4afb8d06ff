//! How shares are called on the LAN: a pattern, and the host name that a share has by it. Whether that name is free is
//! `check`'s business.

use crate::ShareName;
use crate::names::label;
use crate::text::as_text;
use std::fmt;
use std::str::FromStr;

/// Where the share's name goes.
const PLACE: &str = "{share}";

/// A host name below `.local` with a place for the share's name: `{share}-samba`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareNames(String);

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareNamesError {
    /// All shares would have one name, or none.
    #[error("all shares would be called the same: `{{share}}` stands for the share's name, exactly once")]
    Place,
    /// Not a host name label (RFC 1123).
    #[error("beside `{{share}}` there are small letters, digits or `-`, and no `-` at either end")]
    Label,
}

impl ShareNames {
    /// The host name of a share below `.local`; none if the two together are no name that a host may have.
    pub fn label(&self, share: &ShareName) -> Option<String> {
        let text = self.0.replace(PLACE, share.as_ref());
        (label(&text) && text != "localhost").then_some(text)
    }

    /// The host name of a share: `storage-samba.local`.
    pub fn host(&self, share: &ShareName) -> String {
        format!("{}.local", self.0.replace(PLACE, share.as_ref()))
    }

    /// Is it what shares are called unless the fleet says something else?
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for ShareNames {
    fn default() -> Self {
        Self(format!("{PLACE}-samba"))
    }
}

impl FromStr for ShareNames {
    type Err = ShareNamesError;

    fn from_str(text: &str) -> Result<Self, ShareNamesError> {
        if text.matches(PLACE).count() != 1 {
            return Err(ShareNamesError::Place);
        }
        if label(&text.replace(PLACE, "x")) { Ok(Self(text.to_owned())) } else { Err(ShareNamesError::Label) }
    }
}

impl fmt::Display for ShareNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

as_text!(
    ShareNames,
    "fleet::bad_share_names",
    r"^([a-z0-9][a-z0-9-]*)?\{share\}([a-z0-9-]*[a-z0-9])?$",
    "a host name without `.local`: \"{share}-samba\" or \"{share}\""
);

#[cfg(test)]
mod tests {
    use super::{ShareNames, ShareNamesError};

    #[test]
    fn a_pattern_has_one_place_and_gives_host_names() {
        for (pattern, share, host) in [
            ("{share}-samba", "storage", Ok(Some("storage-samba"))),
            ("{share}", "storage", Ok(Some("storage"))),
            ("{share}", "localhost", Ok(None)),
            ("smb-{share}", "my-files", Ok(Some("smb-my-files"))),
            ("files-of-the-family-{share}", "s23456789-123456789-123456789-123456789-123x", Ok(None)),
            ("samba", "storage", Err(ShareNamesError::Place)),
            ("{share}-{share}", "storage", Err(ShareNamesError::Place)),
            ("", "storage", Err(ShareNamesError::Place)),
            ("{share}.local", "storage", Err(ShareNamesError::Label)),
            ("{share}-Samba", "storage", Err(ShareNamesError::Label)),
            ("-{share}", "storage", Err(ShareNamesError::Label)),
            ("{share} on nas", "storage", Err(ShareNamesError::Label)),
        ] {
            let made = pattern.parse::<ShareNames>().map(|pattern| pattern.label(&share.parse().unwrap()));
            assert_eq!(made.as_ref().map(Option::as_deref), host.as_ref().copied(), "{pattern} {share}");
        }
        assert!("{share}-samba".parse::<ShareNames>().unwrap().is_default());
    }
}
