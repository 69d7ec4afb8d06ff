//! `install`: which phases, of what, from where.

use super::{Consent, Target};
use clap::{Args, ValueEnum};

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
