//! The other words with a grammar: mail addresses, flake references, module paths, packages, time zones, versions.

use crate::text::as_text;
use std::fmt;

/// Why a text is not one of these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// Not `somebody@somewhere`.
    #[error("this is not a mail address")]
    Mail,
    /// Not a flake reference.
    #[error("this is not a flake reference")]
    Flake,
    /// A reference without `#name`.
    #[error("the reference lacks `#` and the name under `nixosConfigurations`")]
    Attribute,
    /// Not a path of a module.
    #[error("a module is a relative path of a .nix file or a folder, without `..` and spaces")]
    Module,
    /// A file of another kind.
    #[error("NixOS reads modules from files that end in .nix, or from a folder with a default.nix")]
    NotNix,
    /// Not a package.
    #[error("this cannot be the name of a package in nixpkgs")]
    Package,
    /// Not `Area/City`.
    #[error("this is not a time zone's name")]
    TimeZone,
    /// Well written, and in no database.
    #[error("the tz database has no such zone; the nearest name is `{0}`")]
    NoSuchZone(&'static str),
    /// Not `1.34`.
    #[error("this is not a minor release of Kubernetes")]
    Kubernetes,
    /// Not a version.
    #[error(
        "a version or tag has letters, digits, `.`, `_`, `+` or `-`, starts with a letter or digit, and is not `latest`"
    )]
    Version,
    /// Not a host.
    #[error("this is neither a host's name nor an IPv4 address")]
    Host,
}

fn mail(text: &str) -> Result<(), WordError> {
    let local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let good = text.split_once('@').is_some_and(|(user, host)| {
        (1..=64).contains(&user.len())
            && user.chars().all(local)
            && user.split('.').all(|part| !part.is_empty())
            && host.contains('.')
            && crate::net::is_host(host)
    });
    if good { Ok(()) } else { Err(WordError::Mail) }
}

/// Schemes of flake references (nix flake(1)), and a bare path.
fn flake(text: &str) -> Result<(), WordError> {
    const SCHEMES: [&str; 13] = [
        "github:",
        "gitlab:",
        "sourcehut:",
        "git+https://",
        "git+ssh://",
        "git+file:",
        "git:",
        "path:",
        "https://",
        "tarball+https://",
        "flake:",
        "hg+https://",
        "/",
    ];
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"\"'`\\$<>{}|;".contains(c));
    let known = SCHEMES.iter().any(|scheme| text.starts_with(scheme) && text.len() > scheme.len())
        || text == "."
        || text.starts_with("./");
    let forge = match text.split_once(':') {
        Some(("github" | "gitlab" | "sourcehut", rest)) => {
            let parts = rest.split('?').next().unwrap_or_default().split('/');
            parts.clone().count() >= 2 && parts.clone().all(|part| !part.is_empty())
        }
        _ => true,
    };
    if plain && known && forge && !text.contains('#') { Ok(()) } else { Err(WordError::Flake) }
}

fn attribute(text: &str) -> Result<(), WordError> {
    let (reference, name) = text.split_once('#').ok_or(WordError::Attribute)?;
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(inner) {
        return Err(WordError::Attribute);
    }
    flake(reference)
}

fn module(text: &str) -> Result<(), WordError> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_-.+".contains(c);
    let part = |part: &str| !part.is_empty() && part != ".." && part.chars().all(inner);
    let relative = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
    if !relative.split('/').all(part) {
        return Err(WordError::Module);
    }
    // A folder has no dot in its name, or homehive could not tell it from a file.
    let last = relative.rsplit('/').next().unwrap_or_default();
    let nix = match last.rsplit_once('.') {
        None => true,
        Some((_, end)) => last == "." || (end == "nix" && !text.ends_with('/')),
    };
    if nix { Ok(()) } else { Err(WordError::NotNix) }
}

fn package(text: &str) -> Result<(), WordError> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_-'+".contains(c);
    let part = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && part.chars().all(inner);
    if text.split('.').all(part) { Ok(()) } else { Err(WordError::Package) }
}

/// Every zone of the tz database that has an area.
fn zones() -> impl Iterator<Item = &'static str> {
    include_str!("../data/zones.txt").lines().filter(|line| !line.starts_with('#'))
}

fn time_zone(text: &str) -> Result<(), WordError> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_-+".contains(c);
    let part = |part: &str| part.starts_with(|c: char| c.is_ascii_uppercase()) && part.chars().all(inner);
    if text == "UTC" {
        return Ok(());
    }
    if !text.contains('/') || !text.split('/').all(part) {
        return Err(WordError::TimeZone);
    }
    // NixOS takes any text, and the machine would be on UTC without a word.
    if zones().any(|zone| zone == text) {
        return Ok(());
    }
    let nearest = zones().min_by_key(|zone| strsim::damerau_levenshtein(zone, text));
    Err(WordError::NoSuchZone(nearest.unwrap_or("UTC")))
}

fn kubernetes(text: &str) -> Result<(), WordError> {
    let minor = text.strip_prefix("1.").filter(|minor| (1..=3).contains(&minor.len()) && !minor.starts_with('0'));
    if minor.is_some_and(|minor| minor.bytes().all(|b| b.is_ascii_digit())) {
        Ok(())
    } else {
        Err(WordError::Kubernetes)
    }
}

/// What a chart's version (`SemVer`) and an image's tag have in common.
fn version(text: &str) -> Result<(), WordError> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let good = (1..=128).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(inner)
        && text != "latest";
    if good { Ok(()) } else { Err(WordError::Version) }
}

fn host(text: &str) -> Result<(), WordError> {
    if crate::net::is_host(text) { Ok(()) } else { Err(WordError::Host) }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident, $check:ident, $code:literal, $pattern:literal, $help:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl std::str::FromStr for $name {
            type Err = WordError;

            fn from_str(text: &str) -> Result<Self, WordError> {
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

words! {
    /// A mail address.
    MailAddress, mail, "fleet::bad_mail", r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
        "for example \"you@your-provider.net\"";
    /// A reference to a flake, without `#`.
    FlakeRef, flake, "fleet::bad_flake", r"^[!-~]+$",
        "for example \"github:NixOS/nixpkgs/nixos-26.05\", or a path";
    /// A configuration in a flake: `github:you/config#nas`.
    FlakeAttribute, attribute, "fleet::bad_flake", r"^[!-~]+#[A-Za-z0-9_-]+$",
        "a flake and a name under its `nixosConfigurations`: \"github:you/config#nas\"";
    /// A NixOS module, as a path relative to the fleet file.
    ModulePath, module, "fleet::bad_module", r"^[A-Za-z0-9_.+/-]+$",
        "a path relative to the fleet file: \"modules/printer.nix\"";
    /// A package of nixpkgs by its attribute.
    Package, package, "fleet::bad_package", r"^[A-Za-z_][A-Za-z0-9_.'+-]*$",
        "its attribute in nixpkgs: \"htop\" or \"python3Packages.requests\"";
    /// A time zone of the tz database.
    TimeZone, time_zone, "fleet::bad_timezone", r"^(UTC|[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*)+)$",
        "a name of the tz database, as `timedatectl list-timezones` prints them: \"Europe/Paris\"";
    /// A minor release of Kubernetes: `1.34`.
    KubernetesVersion, kubernetes, "fleet::bad_kubernetes_version", r"^1\.[1-9][0-9]{0,2}$",
        "a minor release in quotes: \"1.34\"; the patch level comes with nixpkgs";
    /// The version of a chart, or the tag of an image; never `latest`, which floats.
    Version, version, "fleet::bad_version", r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$",
        "a version in quotes, as its project writes it: \"0.16.1\" or \"v0.8\"";
    /// Where a machine is reached: a name or an IPv4 address.
    Host, host, "fleet::bad_host", r"^[A-Za-z0-9._-]+$",
        "a name or an address: \"nas.home.arpa\" or \"192.168.1.10\"";
}

impl MailAddress {
    /// The part behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use super::{FlakeAttribute, FlakeRef, KubernetesVersion, MailAddress, ModulePath, Package, TimeZone};
    use std::str::FromStr;

    fn good<T: FromStr>(text: &str) -> bool {
        text.parse::<T>().is_ok()
    }

    #[test]
    fn words() {
        for (case, found, wanted) in [
            ("mail", good::<MailAddress>("ben+nas@home.arpa"), true),
            ("mail without host", good::<MailAddress>("ben"), false),
            ("mail with space", good::<MailAddress>("ben nas@home.arpa"), false),
            ("mail with newline", good::<MailAddress>("ben@home.arpa\nBcc: x@y.z"), false),
            ("forge", good::<FlakeRef>("github:NixOS/nixpkgs/nixos-26.05"), true),
            ("forge without owner", good::<FlakeRef>("github:nixpkgs"), false),
            ("path", good::<FlakeRef>("/etc/nixos"), true),
            ("path here", good::<FlakeRef>("./system"), true),
            ("no scheme", good::<FlakeRef>("nixos-26.05"), false),
            ("injection", good::<FlakeRef>("path:\"; rm"), false),
            ("attribute", good::<FlakeAttribute>("github:you/config#nas"), true),
            ("no attribute", good::<FlakeAttribute>("github:you/config"), false),
            ("module", good::<ModulePath>("./modules/printer.nix"), true),
            ("module outside", good::<ModulePath>("../printer.nix"), false),
            ("module absolute", good::<ModulePath>("/etc/printer.nix"), false),
            ("package", good::<Package>("python3Packages.requests"), true),
            ("package with space", good::<Package>("git htop"), false),
            ("time zone", good::<TimeZone>("America/Argentina/Buenos_Aires"), true),
            ("no zone", good::<TimeZone>("Europe/Londn"), false),
            ("module of another kind", good::<ModulePath>("own/printer.conf"), false),
            ("module in a folder", good::<ModulePath>("own/printer/"), true),
            ("abbreviation", good::<TimeZone>("CET"), false),
            ("minor release", good::<KubernetesVersion>("1.34"), true),
            ("patch level", good::<KubernetesVersion>("1.34.2"), false),
        ] {
            assert_eq!(found, wanted, "{case}");
        }
    }
}
