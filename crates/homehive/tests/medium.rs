//! Boot media as a person meets them: what is refused, with what words, before anything is written. Real loop devices
//! stand for disks.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A loop device of our own over a file with something on it; it goes with the test.
struct Loop {
    device: PathBuf,
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("-d").arg(&self.device).status();
    }
}

impl Loop {
    fn over(file: &Path) -> Option<Self> {
        fs::write(file, vec![0; 8 << 20]).unwrap();
        let made = Command::new("mke2fs").args(["-q", "-t", "ext2", "-L", "photos"]).arg(file).output();
        let said = Command::new("losetup").args(["-f", "--show"]).arg(file).output();
        let (Ok(made), Ok(said)) = (made, said) else {
            eprintln!("skipped: losetup or mke2fs is missing");
            return None;
        };
        if !made.status.success() || !said.status.success() {
            eprintln!("skipped: no loop device can be made here (root's rights)");
            return None;
        }
        Some(Self { device: String::from_utf8(said.stdout).unwrap().trim().into() })
    }
}

fn homehive(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
    command.current_dir(dir).arg("--plain").args(words).env("HOME", dir).env_remove("HOMEHIVE_FLEET").output().unwrap()
}

fn image(dir: &Path) -> &'static str {
    let mut image = vec![7; 1 << 20];
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    fs::write(dir.join("medium.img"), image).unwrap();
    "medium.img"
}

#[test]
fn a_disk_is_refused_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let backing = dir.path().join("disk");
    let Some(disk) = Loop::over(&backing) else { return };
    let before = fs::read(&backing).unwrap();
    let device = disk.device.display().to_string();
    let output = homehive(dir.path(), &["write-medium", image(dir.path()), &device]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    for words in [
        "nothing was written",
        "it was not named by id",
        "it is not removable, so it is no stick",
        "no word allows this",
        "what is on it would be destroyed, and nobody named it",
        "8MiB: ext2 «photos»",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(fs::read(&backing).unwrap() == before);
}

#[test]
fn what_cannot_be_written_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let image = image(dir.path());
    for (words, said) in [
        (["write-medium", image, "/dev/null"], "/dev/null is no block device"),
        (["write-medium", image, "/dev/disk/by-id/usb-none"], "cannot look at /dev/disk/by-id/usb-none"),
    ] {
        let output = homehive(dir.path(), &words);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}
