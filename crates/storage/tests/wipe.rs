//! What wiping leaves on a block device, as a real kernel has it: both ends zero, what is between them untouched.
#![expect(clippy::disallowed_types, reason = "what a script is worth is what a real shell does")]

mod common;

use common::loops::Loop;
use std::fs::File;
use std::io::Write as _;
use std::process::Command;

/// The script; udev is not what it is tried for.
const SCRIPT: &str = concat!("udevadm() { :; }\n", include_str!("../src/plan/wipe.sh"));

#[test]
fn both_ends_are_zeroes_and_no_device_is_too_small() {
    // Sizes in bytes, and how many at each end are cleared; 1 KiB is what the kernel shows of an extended partition.
    for (size, end) in [
        (8 << 20, 1 << 20),
        (1 << 20, 1 << 20),
        ((1 << 20) + 512, 1 << 20),
        (1007 << 10, 1007 << 10),
        (1 << 10, 1 << 10),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![0xa5; size]).unwrap();
        file.as_file().sync_all().unwrap();
        let Some(device) = Loop::over(file.path().to_str().unwrap()) else {
            return eprintln!("SKIPPED: no loop device is to be had here (root alone can)");
        };
        let output = Command::new("sh").args(["-c", SCRIPT, "wipe", "--", &device.0]).output().unwrap();
        assert!(output.status.success(), "{size}: {}", String::from_utf8_lossy(&output.stderr));
        drop(device);
        let mut left = Vec::new();
        std::io::Read::read_to_end(&mut File::open(file.path()).unwrap(), &mut left).unwrap();
        let expected: Vec<u8> = (0..size).map(|at| if at < end || at >= size - end { 0 } else { 0xa5 }).collect();
        assert!(
            left == expected,
            "{size}: first byte that differs: {:?}",
            left.iter().zip(&expected).position(|(a, b)| a != b)
        );
    }
}

/// A partition that is wiped alone stays a partition: what is made on it next wants its device.
#[test]
fn a_wiped_partition_stays() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(16 << 20).unwrap();
    let Some(device) = Loop::over(file.path().to_str().unwrap()) else {
        return eprintln!("SKIPPED: no loop device is to be had here (root alone can)");
    };
    let sh = |script: &str, name: &str| {
        let output = Command::new("sh").args(["-c", script, "wipe", "--", name]).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    };
    // `$2`, for `--` is the first.
    sh("echo 'size=4MiB' | sfdisk --quiet --no-tell-kernel --label gpt $2 && partx --add $2", &device.0);
    let partition = format!("/sys/class/block/{0}/{0}p1", device.0.trim_start_matches("/dev/"));
    if !std::path::Path::new(&partition).exists() {
        return eprintln!("SKIPPED: this kernel has no partitions of loop devices");
    }
    sh(SCRIPT, &format!("{}p1", device.0));
    assert!(std::path::Path::new(&partition).exists(), "it is gone");
    sh(SCRIPT, &device.0);
    assert!(!std::path::Path::new(&partition).exists(), "its table is gone, and it is not");
}
