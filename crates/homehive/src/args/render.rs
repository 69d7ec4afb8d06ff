//! `render`

use clap::Args;
use std::path::PathBuf;

/// `render`
#[derive(Debug, Args)]
pub struct Render {
    /// Where the tree goes; beside the fleet file if left out
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write nothing; exit 1 if anything differs, and show what
    #[arg(long, conflicts_with = "overwrite")]
    pub check: bool,
    /// Make no host keys and no secrets; the tree refers to those that are there
    #[arg(long, conflicts_with = "check")]
    pub no_secrets: bool,
    /// Give up the edits of this file, such as `hosts/nas/services.nix`
    #[arg(long, value_name = "FILE")]
    pub overwrite: Vec<String>,
}
