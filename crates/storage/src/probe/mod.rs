//! How a machine's disks are looked at: one script, one round trip, and pure parsers of what it prints.
//!
//! Running the script is the caller's business: `sh -s` as root, or `sudo -n sh -s`, with [`SCRIPT`] on standard input.

mod assemble;
mod btrfs;
mod hardware;
mod kernel;
mod links;
mod lsblk;
mod luks;
mod lvm;
mod mbr;
mod sections;
mod sfdisk;
mod superblock;
mod whole;
mod wipefs;
mod zfs;

pub use assemble::parse;

/// A POSIX shell script that prints what [`parse`] reads. It touches nothing on the machine, asks nothing, and runs under
/// dash, bash and busybox.
pub const SCRIPT: &str = include_str!("probe.sh");
