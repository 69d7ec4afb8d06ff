//! Archives in the kernel's initramfs format, made in memory. What goes into them is the caller's business.

use std::fmt::Write as _;

/// A cpio archive in "newc" format (initramfs-buffer-format in the kernel's documentation); all files belong to root and
/// bear no time, so that equal content gives equal bytes.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    inodes: u32,
}

const DIRECTORY: u32 = 0o04_0000;
const REGULAR: u32 = 0o10_0000;
const CHARACTER: u32 = 0o02_0000;

impl Archive {
    /// An empty archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a directory; its parents must have been added before.
    pub fn directory(&mut self, path: &str, mode: u32) {
        self.entry(path, DIRECTORY | mode, (0, 0), &[]);
    }

    /// Adds a file.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entry(path, REGULAR | mode, (0, 0), content);
    }

    /// Adds a character device.
    pub fn device(&mut self, path: &str, mode: u32, major: u32, minor: u32) {
        self.entry(path, CHARACTER | mode, (major, minor), &[]);
    }

    /// The archive's bytes, padded to 512, so that another archive may follow in the same file.
    pub fn finish(mut self) -> Vec<u8> {
        self.inodes = 0;
        self.header("TRAILER!!!", 0, (0, 0), 0);
        let padded = self.bytes.len().next_multiple_of(512);
        self.bytes.resize(padded, 0);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.inodes += 1;
        self.header(path, mode, device, content.len());
        self.bytes.extend_from_slice(content);
        self.align();
    }

    fn header(&mut self, path: &str, mode: u32, (major, minor): (u32, u32), size: usize) {
        let links = if mode & DIRECTORY == DIRECTORY { 2 } else { 1 };
        let mut header = String::from("070701");
        // The format has 32 bits for a size: nothing near that belongs into an initramfs.
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let name = u32::try_from(path.len() + 1).unwrap_or(u32::MAX);
        for field in [self.inodes, mode, 0, 0, links, 0, size, 0, 0, major, minor, name, 0] {
            let _ = write!(header, "{field:08x}");
        }
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.align();
    }

    fn align(&mut self) {
        let padded = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(padded, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Archive;
    use std::process::{Command, Stdio};

    #[test]
    fn cpio_lists_it() {
        let mut archive = Archive::new();
        archive.directory("lab", 0o755);
        archive.file("lab/key", 0o600, b"secret\n");
        archive.device("console", 0o600, 5, 1);
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 512, 0);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let listed = Command::new("cpio").arg("-tv").stdin(file.reopen().unwrap()).stderr(Stdio::null()).output();
        let Ok(listed) = listed else {
            eprintln!("skipped: no cpio on this machine");
            return;
        };
        let lines: Vec<String> = String::from_utf8(listed.stdout)
            .unwrap()
            .lines()
            .map(|line| {
                let words: Vec<_> = line.split_whitespace().collect();
                format!("{} {} {}", words[0], words[2], words[words.len() - 1])
            })
            .collect();
        assert_eq!(lines, ["drwxr-xr-x root lab", "-rw------- root lab/key", "crw------- root console"]);
    }
}
