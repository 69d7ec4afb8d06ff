//! Words of the verbs about boot media.

use clap::Args;
use std::path::PathBuf;

/// `write-medium`
#[derive(Debug, Args)]
pub struct WriteMedium {
    /// The image: `.iso` or `.img`, also packed with zstd
    pub image: PathBuf,
    /// The stick, by its name in `/dev/disk/by-id`
    pub device: PathBuf,
    /// Destroy what is on the stick with this serial number (or, if it has none, with this name)
    #[arg(long, value_name = "SERIAL")]
    pub wipe: Option<String>,
}
