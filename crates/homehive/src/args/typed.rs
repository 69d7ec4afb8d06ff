//! From words to a command line: what was typed and not merely taken from elsewhere, and what would lead out of the lab.

use super::{Cli, Disks, Global, Verb};
use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;

impl Cli {
    /// What words say; the first of them is the program.
    pub fn of(words: impl IntoIterator<Item: Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches_from(words)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        cli.global.fleet_source = matches.value_source("fleet");
        Ok(cli)
    }

    /// Which of its words speak of real machines or disks although `--lab` was typed; none if none does.
    pub fn leads_out_of_the_lab(&self) -> Option<&'static str> {
        let host = match &self.verb {
            Verb::WriteMedium(_) => return self.global.in_lab.then_some("write-medium"),
            Verb::Disks(Disks::Plan(it)) => &it.host,
            Verb::Disks(Disks::Adopt(it)) => &it.host,
            Verb::Disks(Disks::Apply(it)) => &it.target.host,
            Verb::Disks(Disks::Replace(it)) => &it.target.host,
            Verb::Disks(Disks::UndoTables(it)) => &it.target.host,
            Verb::Disks(Disks::Status(it)) => &it.host,
            Verb::Install(it) => &it.target.host,
            Verb::Verify(it) => &it.target.host,
            Verb::Disks(Disks::Script(_) | Disks::Import(_))
            | Verb::Init(_)
            | Verb::Check
            | Verb::Show(_)
            | Verb::Render(_)
            | Verb::Secrets(_)
            | Verb::Charts(_)
            | Verb::PublishShares(_)
            // Its address must be the name of a machine of the lab.
            | Verb::Probe(_)
            | Verb::Deploy(_)
            | Verb::Rollback(_)
            | Verb::Generations(_)
            | Verb::Status(_)
            | Verb::Cluster(_)
            | Verb::Iso(_)
            | Verb::Lab(_)
            | Verb::ServeDrives { .. }
            | Verb::SwitchFrames { .. }
            | Verb::Completions { .. }
            | Verb::Man { .. }
            | Verb::Schema { .. } => &None,
        };
        (self.global.in_lab && host.is_some()).then_some("--host")
    }
}

impl Global {
    /// Was `--fleet` typed? The environment and the usual name give way to what a scenario says.
    pub fn names_fleet(&self) -> bool {
        self.fleet_source == Some(ValueSource::CommandLine)
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;

    fn cli(words: &[&str]) -> Cli {
        Cli::of(["homehive"].iter().chain(words)).unwrap()
    }

    #[test]
    fn what_leads_out_of_the_lab() {
        for (words, out) in [
            (&["--lab", "write-medium", "a.iso", "/dev/disk/by-id/usb-A", "--wipe", "A"][..], Some("write-medium")),
            (&["write-medium", "a.iso", "/dev/disk/by-id/usb-A"], None),
            (&["--lab", "disks", "plan", "nas", "--host", "local"], Some("--host")),
            (&["--lab", "disks", "adopt", "nas", "--host", "local"], Some("--host")),
            (&["disks", "apply", "nas", "--host", "local", "--lab"], Some("--host")),
            (&["--lab", "disks", "replace", "nas", "disk.a", "B", "--host", "local"], Some("--host")),
            (&["--lab", "disks", "undo-tables", "nas", "--host", "local"], Some("--host")),
            (&["--lab", "disks", "status", "nas", "--host", "root@192.168.1.10"], Some("--host")),
            (&["--lab", "install", "nas", "--host", "local"], Some("--host")),
            (&["--lab", "verify", "nas", "--host", "local"], Some("--host")),
            (&["disks", "apply", "nas", "--host", "local"], None),
            (&["--lab", "disks", "apply", "nas"], None),
        ] {
            assert_eq!(cli(words).leads_out_of_the_lab(), out, "{words:?}");
        }
    }

    #[test]
    fn a_fleet_is_named_by_whoever_types_it() {
        for (words, named) in [
            (&["lab", "run"][..], false),
            (&["lab", "run", "--fleet", "fleet.toml"], true),
            (&["--fleet", "fleet.toml", "lab", "run"], true),
        ] {
            assert_eq!(cli(words).global.names_fleet(), named, "{words:?}");
        }
    }
}
