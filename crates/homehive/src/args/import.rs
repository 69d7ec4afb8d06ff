//! `disks import`.

use clap::Args;
use std::path::PathBuf;

/// `disks import`
#[derive(Debug, Args)]
pub struct Import {
    /// A Nix file, JSON (`-` reads it from standard input), or `FLAKE#HOST`; several are merged
    #[arg(required = true, value_name = "FILE|FLAKE#HOST")]
    pub sources: Vec<String>,
    /// The machine that the lines are for; the flake's host, or the fleet's only machine, if left out
    #[arg(long, value_name = "NAME")]
    pub machine: Option<String>,
    /// A nixpkgs tree, for files that want all of its `lib`
    #[arg(long, value_name = "DIR", env = "HOMEHIVE_NIXPKGS", hide_env_values = true)]
    pub nixpkgs: Option<PathBuf>,
}
