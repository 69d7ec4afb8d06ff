//! The command line: every verb and option, and nothing of what they do. Help, completions, man pages and the
//! reference are all made from here.

mod deploy;
mod import;
mod medium;
mod probe;
mod rehearse;
mod render;

pub use deploy::{BuildOn, Deploy, Generations, Rollback, Status};
pub use import::Import;
pub use medium::{Iso, WriteMedium};
pub use probe::Probe;
pub use rehearse::StandInVariant;
pub use render::Render;

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
    #[arg(long, global = true, value_name = "FILE", default_value = "fleet.toml", env = "HOMEHIVE_FLEET")]
    pub fleet: PathBuf,
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
    /// Build the installation medium as an image
    Iso(Iso),
    /// Write a boot medium to a stick, and read it back
    WriteMedium(WriteMedium),
    /// Check a machine against the fleet, group by group
    Verify(Verify),
    /// A virtual lab that proves it all before real disks are touched
    #[command(subcommand)]
    Lab(Lab),
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
    /// Print the JSON schema of a verb's `--json` answer, or of the fleet file
    Schema {
        /// `fleet`, `story`, or a verb such as `disks-plan`; all their names if left out
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

/// `disks`
#[derive(Debug, Subcommand)]
pub enum Disks {
    /// Show what would be done: created, kept, grown, destroyed, refused
    Plan(Plan),
    /// Do it, step by step, and stop at the first failure
    Apply(Apply),
    /// Print the plan for blank disks as one standalone shell script
    Script(Script),
    /// Turn a device tree of disko's into lines of the fleet file
    Import(Import),
    /// Show how the machine's disks are: whole, degraded, missing, rebuilding
    Status(Target),
}

/// Which machine, and where it answers.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// The machine's name in the fleet
    pub machine: String,
    /// Where it answers, if not at its address in the fleet: `[USER@]ADDRESS[:PORT]`, or `local` for this machine
    #[arg(long, value_name = "ADDR")]
    pub host: Option<String>,
}

/// `disks plan`
#[derive(Debug, Args)]
pub struct Plan {
    /// The machine's name in the fleet
    pub machine: String,
    /// Facts as `probe --json` prints them, instead of asking the machine; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "host")]
    pub facts: Option<PathBuf>,
    /// Where it answers, if not at its address in the fleet: `[USER@]ADDRESS[:PORT]`, or `local` for this machine
    #[arg(long, value_name = "ADDR")]
    pub host: Option<String>,
    /// What may be destroyed.
    #[command(flatten)]
    pub consent: Consent,
}

/// What may be destroyed.
#[derive(Clone, Debug, Default, Args)]
pub struct Consent {
    /// Destroy what this node holds, and everything on it
    #[arg(long, value_name = "NODE")]
    pub wipe: Vec<String>,
    /// Make what is not persistent anew, as a reinstall does
    #[arg(long)]
    pub reinstall: bool,
}

/// `disks apply`
#[derive(Debug, Args)]
pub struct Apply {
    /// Which machine.
    #[command(flatten)]
    pub target: Target,
    /// What may be destroyed.
    #[command(flatten)]
    pub consent: Consent,
    /// Apply only the plan with this digest, as `disks plan` printed it; anything else is refused
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
}

/// `disks script`
#[derive(Debug, Args)]
pub struct Script {
    /// The machine's name in the fleet
    pub machine: String,
    /// Only this node and what it needs
    #[arg(long, value_name = "NODE")]
    pub only: Vec<String>,
}

/// `install`
#[derive(Debug, Args)]
pub struct Install {
    /// Which machine.
    #[command(flatten)]
    pub target: Target,
    /// What may be destroyed.
    #[command(flatten)]
    pub consent: Consent,
    /// What to install
    #[arg(long, value_enum, default_value_t = Payload::Nixos)]
    pub payload: Payload,
    /// Do not reboot when all is done
    #[arg(long)]
    pub no_reboot: bool,
    /// Stop behind this phase; the same command without it goes on
    #[arg(long, value_enum, default_value_t = Phase::Boot, hide_default_value = true)]
    pub until: Phase,
    /// Start the installer by kexec first, from the Linux that runs there; that system ends with it
    #[arg(long)]
    pub kexec: bool,
    /// With --kexec: where the installer may answer as well, if not where the machine answers now
    #[arg(long, value_name = "ADDR", requires = "kexec")]
    pub candidate: Vec<String>,
}

/// A part of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Phase {
    /// Look at the machine, build its system, open its host key; nothing is changed
    Probe,
    /// Prepare its disks
    Disks,
    /// Copy the system to them
    Copy,
    /// Set the profile, place the host key, activate
    Activate,
    /// Install the boot loader, unmount, reboot
    Boot,
}

impl Phase {
    /// Counted from one.
    pub fn number(self) -> usize {
        self as usize + 1
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Probe => "probe",
            Self::Disks => "disks",
            Self::Copy => "copy",
            Self::Activate => "activate",
            Self::Boot => "boot",
        })
    }
}

/// What to install.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Payload {
    /// The NixOS system of the fleet
    Nixos,
    /// A small system of the same shape, from the distribution's packages: for the lab
    StandIn,
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

/// `lab`
#[derive(Debug, Subcommand)]
pub enum Lab {
    /// Start virtual machines with the fleet's disks, booted from the medium
    Up {
        /// Which machines; all if left out
        machines: Vec<String>,
        /// Start from disks that `lab snapshot` saved, booted from them
        #[arg(long, value_name = "SNAPSHOT")]
        from: Option<String>,
    },
    /// Run the whole scenario: install, verify, hurt, heal, reinstall; end with a report
    Run(Run),
    /// Log in to a machine of the lab, or run words on it
    Ssh {
        /// The machine
        machine: String,
        /// The words
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// The machine's debug shell, on a serial line: works without network and while a test runs
    Shell {
        /// The machine
        machine: String,
    },
    /// Hurt a machine
    #[command(subcommand)]
    Fault(Fault),
    /// Switch a machine on
    Boot {
        /// The machine
        machine: String,
        /// From the medium instead of its own boot disk
        #[arg(long)]
        medium: bool,
    },
    /// Shut a machine down
    Off {
        /// The machine
        machine: String,
    },
    /// Save the disks of the switched-off lab under a name, for `lab up --from`
    Snapshot {
        /// The name
        name: String,
    },
    /// Show the lab's machines, addresses, disks and faults
    Status,
    /// Stop everything and remove the lab
    Down,
}

/// `lab run`
#[derive(Debug, Args)]
pub struct Run {
    /// What to install
    #[arg(long, value_enum, default_value_t = Payload::StandIn)]
    pub payload: Payload,
    /// Where the report goes
    #[arg(long, value_name = "DIR", default_value = "homehive-report")]
    pub report: PathBuf,
    /// Leave the lab running at the end
    #[arg(long)]
    pub keep: bool,
    /// Save the disks right behind the installation, for later runs
    #[arg(long, conflicts_with = "installed")]
    pub save: bool,
    /// Start behind the installation, from the disks that a run with `--save` saved
    #[arg(long)]
    pub installed: bool,
}

/// `lab fault`
#[derive(Debug, Subcommand)]
pub enum Fault {
    /// A disk that answers nothing but errors from now on
    Dying {
        /// The machine
        machine: String,
        /// The disk, such as `disk.sata3`
        disk: String,
    },
    /// A dying disk comes back to its senses
    Revive {
        /// The machine
        machine: String,
        /// The disk
        disk: String,
    },
    /// A disk is pulled out of the running machine
    Pull {
        /// The machine
        machine: String,
        /// The disk
        disk: String,
    },
    /// A new blank disk in the place of an old one; the machine must be off
    Replace {
        /// The machine
        machine: String,
        /// The disk
        disk: String,
    },
    /// The power goes, now or during `disks apply`
    PowerCut {
        /// The machine
        machine: String,
        /// Apply the disks' plan and cut the power right behind this step of it
        #[arg(long, value_name = "STEP")]
        after_step: Option<usize>,
    },
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
