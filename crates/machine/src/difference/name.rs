//! A store path's package: its name and version, as people know them.

/// A package as a store path names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name, without version and output.
    pub name: String,
    /// Its version; empty if it has none.
    pub version: String,
}

/// Outputs of packages in nixpkgs that stand behind the version. Others are left: `-unstable` belongs to a version.
const OUTPUTS: [&str; 18] = [
    "bin", "data", "debug", "dev", "devdoc", "dist", "doc", "info", "lib", "libgcc", "man", "modules", "nss", "out",
    "pam", "py", "static", "terminfo",
];

impl Package {
    /// The package of a path. As Nix has it (Nix manual, `builtins.parseDrvName`), the version begins behind the first
    /// hyphen that no letter follows.
    pub fn of(path: &str) -> Self {
        let base = path.rsplit('/').next().unwrap_or_default();
        // `<hash>-<name>`; what is no store path is all name.
        let full = base.split_once('-').filter(|(hash, _)| hash.len() == 32).map_or(base, |(_, name)| name);
        let name = match full.rsplit_once('-') {
            Some((name, output)) if OUTPUTS.contains(&output) => name,
            _ => full,
        };
        let starts =
            |(at, _): &(usize, &str)| name[at + 1..].chars().next().is_some_and(|next| !next.is_ascii_alphabetic());
        match name.match_indices('-').find(starts) {
            Some((at, _)) => Self { name: name[..at].to_owned(), version: name[at + 1..].to_owned() },
            None => Self { name: name.to_owned(), version: String::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Package;

    #[test]
    fn names_and_versions() {
        for (name, expected, version) in [
            ("openssh-9.9p2", "openssh", "9.9p2"),
            ("openssl-3.4.1-bin", "openssl", "3.4.1"),
            ("python3-3.12.9", "python3", "3.12.9"),
            ("gcc-14-20241116-lib", "gcc", "14-20241116"),
            ("nixos-system-nas-26.05.20261101.abcdef0", "nixos-system-nas", "26.05.20261101.abcdef0"),
            ("home-assistant-unstable-2026-01-01", "home-assistant-unstable", "2026-01-01"),
            ("unit-sshd.service", "unit-sshd.service", ""),
            ("etc", "etc", ""),
            ("perl5.40.0-JSON-4.10", "perl5.40.0-JSON", "4.10"),
            ("source-", "source-", ""),
        ] {
            let path = format!("/nix/store/0v7n991q2xlhy1nmkkbf2h4cwh3dmw52-{name}");
            let read = Package::of(&path);
            assert_eq!((read.name.as_str(), read.version.as_str()), (expected, version), "{name}");
        }
    }
}
