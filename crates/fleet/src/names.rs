//! Names of machines, people and shares, parsed once at the door; whether a name is known is `check`'s business.

use crate::text::as_text;
use std::fmt;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a host name label (RFC 1123).
    #[error("a name has 1 to 63 small letters, digits or `-`, and starts and ends with a letter or digit")]
    Label,
    /// A host name that means something else already.
    #[error("the name `localhost` means the machine itself on every machine")]
    Localhost,
    /// Not a domain.
    #[error("a domain is one or more names joined by dots, such as `home.arpa`, at most 253 characters")]
    Domain,
    /// Not a portable user name (useradd(8)).
    #[error("a user name has 1 to 31 small letters, digits, `_` or `-`, and starts with a letter or `_`")]
    User,
    /// A user that the system makes for itself.
    #[error("this user name belongs to the system")]
    ReservedUser,
    /// Not a share name.
    #[error(
        "a share name has 1 to 48 small letters, digits or `-`, starts with a letter and ends with a letter or digit"
    )]
    Share,
    /// A section name that smb.conf(5) gives a meaning of its own.
    #[error("Samba gives the name a meaning of its own")]
    ReservedShare,
    /// Not a tag.
    #[error("a tag has 1 to 63 letters, digits, `_`, `.` or `-`, and starts with a letter or digit")]
    Tag,
}

/// RFC 1123, section 2.1, in small letters, so that two spellings are never two machines.
pub(crate) fn label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn host(text: &str) -> Result<(), NameError> {
    match text {
        "localhost" => Err(NameError::Localhost),
        text if label(text) => Ok(()),
        _ => Err(NameError::Label),
    }
}

fn fleet(text: &str) -> Result<(), NameError> {
    if label(text) { Ok(()) } else { Err(NameError::Label) }
}

fn domain(text: &str) -> Result<(), NameError> {
    if text.len() <= 253 && text.split('.').all(label) { Ok(()) } else { Err(NameError::Domain) }
}

/// Users and groups that NixOS or a service of the fleet makes for itself: those of a machine with all that homehive
/// writes, and of `nixos/modules/misc/ids.nix`.
const SYSTEM_USERS: [&str; 43] = [
    "adm",
    "audio",
    "avahi",
    "bin",
    "cdrom",
    "chrony",
    "clock",
    "daemon",
    "dhcpcd",
    "dialout",
    "disk",
    "etcd",
    "floppy",
    "input",
    "keys",
    "kmem",
    "kvm",
    "lp",
    "mail",
    "messagebus",
    "nobody",
    "node-exporter",
    "nogroup",
    "nscd",
    "ntp",
    "polkituser",
    "render",
    "root",
    "rtkit",
    "sgx",
    "shadow",
    "smartd",
    "sshd",
    "sys",
    "tape",
    "tss",
    "tty",
    "users",
    "utmp",
    "uucp",
    "uuidd",
    "video",
    "wheel",
];

fn login(text: &str) -> Result<(), NameError> {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if !(1..=31).contains(&text.len()) || !text.starts_with(first) || !text.chars().all(inner) {
        return Err(NameError::User);
    }
    Ok(())
}

fn user(text: &str) -> Result<(), NameError> {
    login(text)?;
    let system = SYSTEM_USERS.contains(&text) || text.starts_with("nixbld") || text.starts_with("systemd-");
    if system { Err(NameError::ReservedUser) } else { Ok(()) }
}

/// The share is published under a host name of its own (`<share>-samba`, see `ShareNames`), so some room of the 63 characters is left; and a Service of
/// Kubernetes takes the name, which begins with a letter (RFC 1035).
fn share(text: &str) -> Result<(), NameError> {
    if text.len() > 48 || !label(text) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(NameError::Share);
    }
    let special = ["global", "homes", "printers", "print", "ipc"].contains(&text);
    if special { Err(NameError::ReservedShare) } else { Ok(()) }
}

fn tag(text: &str) -> Result<(), NameError> {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let good = (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(inner);
    if good { Ok(()) } else { Err(NameError::Tag) }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $check:ident, $code:literal, $pattern:literal, $help:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                $check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        as_text!($name, $code, $pattern, $help);
    )* };
}

names! {
    /// The name of a machine or another host: one label of RFC 1123, in small letters.
    HostName, host, "fleet::bad_host_name", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        "for example \"nas\"";
    /// The name of the fleet; every identity on its disks is derived from it.
    FleetName, fleet, "fleet::bad_fleet_name", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        "for example \"home\"";
    /// The domain that the machines' names stand under.
    Domain, domain, "fleet::bad_domain", r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
        "for example \"home.arpa\", which RFC 8375 keeps for homes";
    /// A person's user name, never one of the system's.
    UserName, user, "fleet::bad_user_name", "^[a-z_][a-z0-9_-]{0,30}$",
        "for example \"ben\"; root and the users of services are the system's own";
    /// Any user's name, root too.
    Login, login, "fleet::bad_user_name", "^[a-z_][a-z0-9_-]{0,30}$",
        "for example \"root\"";
    /// The name of a share.
    ShareName, share, "fleet::bad_share_name", "^[a-z]([a-z0-9-]{0,46}[a-z0-9])?$",
        "for example \"storage\"";
    /// A word by which machines are chosen.
    Tag, tag, "fleet::bad_tag", "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$",
        "for example \"storage\"";
}

#[cfg(test)]
mod tests {
    use super::{Domain, HostName, NameError, ShareName, UserName};

    #[test]
    fn what_is_a_name() {
        let long = "a".repeat(64);
        for (text, wanted) in [
            ("nas", Ok(())),
            ("nas-2", Ok(())),
            ("2nas", Ok(())),
            ("", Err(NameError::Label)),
            ("NAS", Err(NameError::Label)),
            ("nas_1", Err(NameError::Label)),
            ("-nas", Err(NameError::Label)),
            ("nas-", Err(NameError::Label)),
            ("nas.home", Err(NameError::Label)),
            ("näs", Err(NameError::Label)),
            (long.as_str(), Err(NameError::Label)),
            ("localhost", Err(NameError::Localhost)),
        ] {
            assert_eq!(text.parse::<HostName>().map(|_| ()), wanted, "host `{text}`");
        }
        for (text, wanted) in [
            ("ben", Ok(())),
            ("_ben-2", Ok(())),
            ("Ben", Err(NameError::User)),
            ("2ben", Err(NameError::User)),
            ("ben; rm", Err(NameError::User)),
            ("root", Err(NameError::ReservedUser)),
            ("nixbld1", Err(NameError::ReservedUser)),
            ("systemd-network", Err(NameError::ReservedUser)),
        ] {
            assert_eq!(text.parse::<UserName>().map(|_| ()), wanted, "user `{text}`");
        }
        assert_eq!("global".parse::<ShareName>(), Err(NameError::ReservedShare));
        assert_eq!("my share".parse::<ShareName>(), Err(NameError::Share));
        assert_eq!("2tb".parse::<ShareName>(), Err(NameError::Share));
        assert!("home.arpa".parse::<Domain>().is_ok());
        assert_eq!("home..arpa".parse::<Domain>(), Err(NameError::Domain));
    }
}
