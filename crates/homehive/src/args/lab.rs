//! `lab …`: machines, the scenario, faults.

use super::Payload;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// `lab`
#[derive(Debug, Subcommand)]
pub enum Lab {
    /// Start virtual machines with the fleet's disks, booted from the medium
    Up {
        /// Which machines; all if left out
        machines: Vec<String>,
        /// Start from what `lab snapshot save` saved: what ran goes on; if nothing ran, all boot from their disks
        #[arg(long, value_name = "SNAPSHOT")]
        from: Option<String>,
    },
    /// Run a scenario: your own, or the built-in one: install, verify, hurt, heal, reinstall; end with a report
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
    /// The whole lab under a name: disks, and the memory of machines that run
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Type these commands, and those of `homehive --lab`, one a line; from a pipe, too
    Repl,
    /// Show the lab's machines, addresses, disks and faults
    Status,
    /// Stop everything and remove the lab
    Down,
}

/// `lab run`
#[derive(Debug, Args)]
pub struct Run {
    /// Your own scenario (TOML; JSON if its name ends so); the built-in one if left out
    #[arg(conflicts_with_all = ["save", "installed"])]
    pub scenario: Option<PathBuf>,
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

/// Kinds of access to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Access {
    /// Reading
    Read,
    /// Writing, zeroing, discarding
    Write,
    /// Flushing
    Flush,
}

/// What is lost of the writes that were not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lose {
    /// Nothing, as behind a battery
    None,
    /// All of them
    All,
    /// Some whole writes, in no order, and single sectors of others
    Some,
    /// The end of the last one
    Torn,
}

/// `lab snapshot`
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Save it; what machines had not flushed goes to their disks first
    Save {
        /// The name
        name: String,
    },
    /// Bring the lab back to it, in seconds; what happened since is lost
    Restore {
        /// The name
        name: String,
    },
    /// Show what is saved
    List,
}

/// `lab fault link`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("how").required(true).multiple(true).args(["cut", "delay", "loss", "well"]))]
pub struct Link {
    /// One machine
    pub from: String,
    /// The other
    pub to: String,
    /// Nothing passes
    #[arg(long, conflicts_with_all = ["delay", "loss"])]
    pub cut: bool,
    /// Every frame comes so much later, such as 50ms or 2s
    #[arg(long, value_parser = delay)]
    pub delay: Option<Duration>,
    /// So many frames are lost, such as 10%
    #[arg(long, value_name = "PERCENT")]
    pub loss: Option<lab::FrameLoss>,
    /// Everything passes at once again
    #[arg(long, conflicts_with_all = ["cut", "delay", "loss"])]
    pub well: bool,
    /// Only from the first to the second
    #[arg(long)]
    pub one_way: bool,
}

/// `50ms` or `2s`, a minute at most.
fn delay(text: &str) -> Result<Duration, String> {
    let wrong = || "write milliseconds or seconds, a minute at most: 50ms, 2s".to_owned();
    let (number, factor) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1000),
    };
    let ms = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).filter(|ms| *ms <= 60_000);
    ms.filter(|_| number.bytes().all(|byte| byte.is_ascii_digit())).map(Duration::from_millis).ok_or_else(wrong)
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
    /// A disk answers some reads or writes with an error, until the machine is off or `well`
    Errors {
        /// The machine
        machine: String,
        /// The disk
        disk: String,
        /// On which kind of access
        #[arg(long, value_enum, default_value_t = Access::Read)]
        on: Access,
        /// From which byte on
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Up to which byte; to the end if left out
        #[arg(long)]
        to: Option<u64>,
    },
    /// A disk takes so many milliseconds longer for everything, until the machine is off or `well`
    Slow {
        /// The machine
        machine: String,
        /// The disk
        disk: String,
        /// Milliseconds
        ms: u64,
    },
    /// A disk takes so many bytes more and then has no room, until the machine is off or `well`
    Full {
        /// The machine
        machine: String,
        /// The disk
        disk: String,
        /// Bytes
        #[arg(long, default_value_t = 0)]
        after: u64,
    },
    /// One bit of each of so many sectors is another from now on, and the disk says nothing of it
    Rot {
        /// The machine
        machine: String,
        /// The disk
        disk: String,
        /// From which byte on: a multiple of 512
        at: u64,
        /// How many sectors of 512 bytes
        #[arg(default_value_t = 1)]
        sectors: u64,
    },
    /// What passes between two machines is late, lost, or cut, until `well`
    Link(Link),
    /// Errors, slowness and want of room are over; what rotted stays
    Well {
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
        /// What the drives lose of the writes that the machine had not flushed
        #[arg(long, value_enum, default_value_t = Lose::Some)]
        lose: Lose,
        /// The seed by which `some` and `torn` choose; drawn and told if left out
        #[arg(long)]
        seed: Option<u64>,
    },
}

#[cfg(test)]
mod tests {
    use super::delay;

    #[test]
    fn delays() {
        for (text, ms) in [
            ("50ms", Some(50)),
            ("2s", Some(2000)),
            ("0s", Some(0)),
            ("61s", None),
            ("50", None),
            ("+5ms", None),
            ("1.5s", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(delay(text).ok().map(|it| it.as_millis()), ms, "{text}");
        }
    }
}
