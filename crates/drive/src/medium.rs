//! The medium of a drive: a sparse file as large as the drive. What is in it survives a power cut.

use rustix::fs::{FallocateFlags, fallocate};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// An opened file.
#[derive(Debug)]
pub struct Medium {
    file: File,
    bytes: u64,
}

impl Medium {
    /// The medium in this file, which is there and has the drive's size.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }

    /// The drive's size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads what is at `at`.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, at)
    }

    /// Writes at `at`.
    ///
    /// # Errors
    /// What the system says; some of it may be written then.
    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    /// Makes zeroes of a range, and gives its room back to the host.
    ///
    /// # Errors
    /// What the system says.
    pub fn clear(&self, at: u64, length: u64) -> io::Result<()> {
        Ok(fallocate(&self.file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, at, length)?)
    }
}
