//! `disks …`, and the words that choose a machine and what may be destroyed.

use super::Import;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `disks`
#[derive(Debug, Subcommand)]
pub enum Disks {
    /// Show what would be done: created, kept, grown, destroyed, refused
    Plan(Plan),
    /// Do it, step by step, and stop at the first failure
    Apply(Apply),
    /// Put a new disk in the place of one that failed, is missing or is to go: the fleet file, the disks, the rebuilding
    Replace(Replace),
    /// Print the plan for blank disks as one standalone shell script
    Script(Script),
    /// Turn a device tree of disko's into lines of the fleet file
    Import(Import),
    /// Take over the identities of a machine that was set up by hand: they go into the fleet file
    Adopt(Adopt),
    /// List what was saved before it was overwritten, or put it back: tables and superblocks
    UndoTables(UndoTables),
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
    /// Start this array although it was cut off in the midst of a write while members were missing; the last writes may be
    /// lost
    #[arg(long, value_name = "ARRAY")]
    pub force_start: Vec<String>,
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
    /// Apply only this plan: the file that `disks plan --json` was saved in, or the digest that it printed; refused if the plan
    /// or any fact that it was made from has changed since
    #[arg(long, value_name = "FILE")]
    pub plan: Option<String>,
}

/// `disks adopt`
#[derive(Debug, Args)]
pub struct Adopt {
    /// The machine's name in the fleet
    pub machine: String,
    /// Facts as `probe --json` prints them, instead of asking the machine; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "host")]
    pub facts: Option<PathBuf>,
    /// Where it answers, if not at its address in the fleet: `[USER@]ADDRESS[:PORT]`, or `local` for this machine
    #[arg(long, value_name = "ADDR")]
    pub host: Option<String>,
    /// Show what would be adopted, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `disks replace`
#[derive(Debug, Args)]
pub struct Replace {
    /// Which machine.
    #[command(flatten)]
    pub target: Target,
    /// The disk that goes: its node, such as `disk.sata3`, or its serial number
    pub old: String,
    /// The disk that comes, which is connected: its serial number, or its link under /dev/disk
    pub new: String,
    /// What the new disk holds may be destroyed
    #[arg(long)]
    pub wipe: bool,
    /// Only show what would be done; nothing is written, not even the fleet file
    #[arg(long)]
    pub dry_run: bool,
    /// Do not follow the rebuilding to its end
    #[arg(long)]
    pub no_wait: bool,
}

/// `disks undo-tables`
#[derive(Debug, Args)]
pub struct UndoTables {
    /// Which machine.
    #[command(flatten)]
    pub target: Target,
    /// Put back this save, and those of the same disks that were made after it; without it they are listed. The beginning
    /// of a name is enough, down to the second, and names all that begin so
    pub save: Option<String>,
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
