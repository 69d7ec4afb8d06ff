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

/// `iso`
#[derive(Debug, Args)]
pub struct Iso {
    /// A medium that has this machine's static address; it asks DHCP for one if left out
    pub machine: Option<String>,
    /// Where the image goes, outside the fleet's directory; `~/.cache/homehive/media/FLEET-installer.iso` if left out
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
