//! `charts`

use clap::{Args, Subcommand};

/// `charts`
#[derive(Debug, Subcommand)]
pub enum Charts {
    /// Ask chart repositories and registries for newer versions of what the cluster runs
    Outdated {
        /// Count pre-releases as well
        #[arg(long)]
        pre: bool,
    },
    /// Raise a version: look at what it would break, and write it into the fleet file
    Bump(Bump),
}

/// `charts bump`
#[derive(Debug, Args)]
pub struct Bump {
    /// The chart or image, as `charts outdated` calls it
    pub name: String,
    /// To this version; the newest if left out
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,
    /// Count pre-releases as well
    #[arg(long)]
    pub pre: bool,
    /// Write it although it breaks values that homehive sets
    #[arg(long)]
    pub anyway: bool,
}
