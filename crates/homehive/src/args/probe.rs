//! `probe`.

use clap::Args;
use std::path::PathBuf;

/// `probe`
#[derive(Debug, Args)]
pub struct Probe {
    /// A machine of the fleet, `[USER@]ADDRESS`, or `local` for this machine
    pub host: String,
    /// Propose lines of the fleet file, for a machine of this name (its host name, if left out)
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub propose: Option<String>,
    /// Write a `hardware-configuration.nix` for a configuration of your own; on standard output, if FILE is left out or `-`
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub nix: Option<PathBuf>,
}
