//! The command line: every verb and option, and nothing of what they do. Help, completions, man pages and the
//! reference are all made from here.

mod charts;
mod cluster;
mod deploy;
mod disks;
mod import;
mod install;
mod lab;
mod medium;
mod probe;
mod rehearse;
mod render;
mod secrets;
mod typed;

pub use charts::{Bump, Charts};
pub use cluster::{Cluster, ClusterApply, ClusterRemove, ClusterUp, Named, PasswordOf};
pub use deploy::{BuildOn, Deploy, Generations, Rollback, Status};
pub use disks::{Adopt, Apply, Consent, Disks, Plan, Replace, Script, Target, UndoTables};
pub use import::Import;
pub use install::{Install, Payload, Phase};
pub use lab::{Access, Fault, Lab, Link, Lose, Run, Snapshot};
pub use medium::{Iso, WriteMedium};
pub use probe::Probe;
pub use rehearse::StandInVariant;
pub use render::Render;
pub use secrets::{Changed, Secrets};

use clap::parser::ValueSource;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// From blank disks to a verified NixOS home cloud: one fleet file, one binary.
#[derive(Debug, Parser)]
#[command(name = "homehive", version, propagate_version = true, subcommand_required = true, max_term_width = 100)]
#[command(after_help = "Exit status: 0 done and good · 1 found wanting (check or verify failed) · 2 wrong usage · \
3 refused until named · 4 the machine or a tool failed · 70 a bug in homehive")]
pub struct Cli {
    /// Options of every verb.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options of every verb.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The fleet file (TOML; JSON or Nix if its name ends so)
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "fleet.toml",
        env = "HOMEHIVE_FLEET",
        hide_env_values = true
    )]
    pub fleet: PathBuf,
    /// Where that was said.
    #[arg(skip)]
    pub fleet_source: Option<ValueSource>,
    /// Speak to the machines of this fleet's lab instead of the real ones
    #[arg(long = "lab", global = true)]
    pub in_lab: bool,
    /// Answer as JSON on standard output, tell the story as JSON lines on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// No colour, no bars, no questions
    #[arg(long, global = true)]
    pub plain: bool,
    /// Tell more: every command that is run (twice: what it printed)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// A stand-in that goes wrong on purpose: only with `--lab` and `--payload stand-in`
    #[arg(long, global = true, hide = true, value_enum, default_value_t)]
    pub stand_in_variant: StandInVariant,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a first fleet file
    Init(Init),
    /// Find everything that is wrong with the fleet file
    Check,
    /// Show the fleet: machines, addresses, the storage stack and its identities, shares
    Show(Show),
    /// Write the fleet as a plain NixOS flake
    Render(Render),
    /// The secrets of the fleet: sealed files for the admin and the machines that need them
    #[command(subcommand)]
    Secrets(Secrets),
    /// Versions of the cluster's charts and images: what is outdated, raising one
    #[command(subcommand)]
    Charts(Charts),
    /// Publish the cluster's shares on the LAN by Avahi, until told to stop: what the servers run by themselves
    PublishShares(publisher::Options),
    /// Look at a machine: hardware, disks and what they hold
    Probe(Probe),
    /// Plan, prepare and watch a machine's disks
    #[command(subcommand)]
    Disks(Disks),
    /// Install a machine that was booted from the medium: disks, system, boot loader, reboot
    Install(Install),
    /// Bring machines to the system that the fleet says; each undoes it by itself if it goes wrong
    Deploy(Deploy),
    /// Bring a machine back to an older generation, guarded in the same way
    Rollback(Rollback),
    /// Show a machine's generations
    Generations(Generations),
    /// Show how machines are: generation against the fleet, uptime, disks, failed units
    Status(Status),
    /// The fleet's cluster: brought up, looked at, brought to the fleet's objects; nodes taken out
    #[command(subcommand)]
    Cluster(Cluster),
    /// Build the installation medium as an image
    Iso(Iso),
    /// Write a boot medium to a stick, and read it back
    WriteMedium(WriteMedium),
    /// Check a machine against the fleet, group by group
    Verify(Verify),
    /// A virtual lab that proves it all before real disks are touched
    #[command(subcommand)]
    Lab(Lab),
    /// Serve the drives of a lab's machine: the lab starts this by itself
    #[command(hide = true)]
    ServeDrives {
        /// The list of the drives
        list: PathBuf,
    },
    /// Be the switch between a lab's machines: the lab starts this by itself
    #[command(hide = true)]
    SwitchFrames {
        /// The list of the machines
        list: PathBuf,
    },
    /// Print the completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory
    Man {
        /// The directory; made if it is not there
        dir: PathBuf,
    },
    /// Print the JSON schema of a verb's `--json` answer, of the fleet file, or of a lab's scenario
    Schema {
        /// `fleet`, `scenario`, `story`, or a verb such as `disks-plan`; all their names if left out
        name: Option<String>,
    },
}

/// `init`
#[derive(Debug, Args)]
pub struct Init {
    /// What kind of fleet
    pub kind: Kind,
    /// Where; made if it is not there
    #[arg(default_value = ".")]
    pub dir: PathBuf,
}

/// The fleets that `init` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// One NAS: boot stick, NVMe, six disks in RAID6, shares
    Nas,
    /// A k3s cluster: three servers and an agent on small computers, and the NAS
    Cluster,
}

/// `show`
#[derive(Debug, Args)]
pub struct Show {
    /// Only this machine
    pub machine: Option<String>,
    /// Draw it as a picture (SVG): into this file, or on standard output if none is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub svg: Option<PathBuf>,
}

/// `verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// Which machine.
    #[command(flatten)]
    pub target: Target,
    /// Only this group
    #[arg(long, value_name = "G")]
    pub group: Vec<String>,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write an HTML report
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }
}
