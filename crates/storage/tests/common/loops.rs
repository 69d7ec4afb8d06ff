//! Block devices of a test's own.
#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::disallowed_types, reason = "a loop device is what a real kernel has")]

use std::process::Command;

/// A loop device, taken away at the end.
pub struct Loop(pub String);

impl Loop {
    /// Over a file; nothing where none is to be had.
    pub fn over(path: &str) -> Option<Self> {
        Self::with(&["--find", "--show", path])
    }

    /// The same, of which the kernel reads the partition table, as of a disk.
    pub fn scanned(path: &str) -> Option<Self> {
        Self::with(&["--find", "--show", "--partscan", path])
    }

    fn with(words: &[&str]) -> Option<Self> {
        let output = Command::new("losetup").args(words).output().ok()?;
        output.status.success().then(|| Self(String::from_utf8(output.stdout).unwrap().trim().to_owned()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.0]).status();
    }
}
