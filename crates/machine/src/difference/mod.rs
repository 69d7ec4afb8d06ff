//! What a new system changes on a machine: packages, units, whether it has to start again. Pure; who asks the machine
//! is the caller's business.

mod name;
mod packages;
mod units;

pub use name::Package;
pub use packages::{Change, Contents, Kind, Packages};
pub use units::Units;

use schemars::JsonSchema;
use serde::Serialize;

/// What a new system changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// Packages that come, go and change.
    pub packages: Packages,
    /// What becomes of the machine's units; none if the machine could not tell.
    pub units: Option<Units>,
    /// What takes effect only when the machine starts again: `kernel`, `initrd`, `kernel-modules`.
    pub reboot: Vec<String>,
}

/// What a system has booted with, by the names of NixOS: each is a link in the system's store path.
pub const BOOTED_WITH: [&str; 3] = ["kernel", "initrd", "kernel-modules"];

/// What differs between the system that was booted and another: a line each of a name, and where its link leads in
/// either; a system may have no modules of its own. `booted` and `new` are lines of a name and a path.
pub fn reboot_needed(booted: &str, new: &str) -> Vec<String> {
    let path = |text: &str, name: &str| {
        text.lines().filter_map(|line| line.split_once(' ')).find(|(key, _)| *key == name).map(|(_, at)| at.to_owned())
    };
    let differs = |name: &&str| path(booted, name) != path(new, name);
    BOOTED_WITH.into_iter().filter(differs).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::reboot_needed;

    #[test]
    fn what_needs_a_reboot() {
        let old = "kernel /nix/store/a-linux/bzImage\ninitrd /nix/store/b-initrd/initrd\nkernel-modules /nix/store/c-modules\n";
        for (new, expected) in [
            (old.to_owned(), vec![]),
            (old.replace("a-linux", "d-linux"), vec!["kernel"]),
            (old.replace("b-initrd", "e-initrd").replace("c-modules", "f-modules"), vec!["initrd", "kernel-modules"]),
            ("kernel /nix/store/a-linux/bzImage\n".to_owned(), vec!["initrd", "kernel-modules"]),
        ] {
            assert_eq!(reboot_needed(old, &new), expected, "{new}");
        }
    }
}
