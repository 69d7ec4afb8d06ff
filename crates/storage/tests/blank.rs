//! What the standalone script takes for blank, as a real kernel shows it.
#![expect(clippy::disallowed_types, reason = "what a script is worth is what a real shell does")]

mod common;

use common::loops::Loop;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::process::Command;

/// The script's functions; who runs it is not what they are tried for.
const SCRIPT: &str = concat!("id() { echo 0; }\n", include_str!("../src/script/head.sh"), "free disk.a \"$device\"\n");

#[test]
fn a_disk_is_blank_only_where_it_was_read() {
    let unreadable = "error: disk.a (DISK) cannot be read, so it may hold anything: it is left alone";
    let full = "error: disk.a (DISK) is not blank. To destroy what it holds, add: --wipe disk.a";
    // Sizes in bytes, where something is written, and what is left of the file below the device while it is there: beyond that
    // the device answers with errors.
    for (case, size, at, left, wipe, expected) in [
        ("zeroes", 8 << 20, None, 8 << 20, "", ""),
        ("zeroes, and less than a MiB", 64 << 10, None, 64 << 10, "", ""),
        ("a byte where mdadm writes", 8 << 20, Some(4096), 8 << 20, "", full),
        ("the last byte of a small one", 64 << 10, Some((64 << 10) - 1), 64 << 10, "", full),
        ("the last byte that is looked at", 8 << 20, Some((1 << 20) - 1), 8 << 20, "", full),
        ("named", 8 << 20, Some(4096), 8 << 20, "disk.a", ""),
        ("nothing can be read", 8 << 20, Some(4096), 0, "", unreadable),
        ("the beginning can be read", 8 << 20, None, 512 << 10, "", unreadable),
        ("nothing can be read of a named one", 8 << 20, Some(4096), 0, "disk.a", unreadable),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(size).unwrap();
        if let Some(at) = at {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&[0xa5]).unwrap();
        }
        let Some(device) = Loop::over(file.path().to_str().unwrap()) else {
            return eprintln!("SKIPPED: no loop device is to be had here (root alone can)");
        };
        file.as_file().set_len(left).unwrap();
        // `set -e` of the script ends this shell too.
        let script = format!("device={}\n{SCRIPT}", device.0);
        let words = if wipe.is_empty() { vec![] } else { vec!["--wipe", wipe] };
        let output = Command::new("sh").args(["-c", &script, "disks"]).args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).replace(&device.0, "DISK");
        assert_eq!(said.lines().last().unwrap_or_default(), expected, "{case}: {said}");
        assert_eq!(output.status.success(), expected.is_empty(), "{case}: {said}");
    }
}

/// Devices that end before their end, and tools that fail, have to be played.
#[test]
fn what_the_tools_do_not_say_is_not_taken_for_nothing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(4096).unwrap();
    for (case, played) in [
        ("a short read", "blockdev() { echo 8192; }; wipefs() { :; }"),
        ("no length", "blockdev() { return 1; }; wipefs() { :; }"),
        ("no medium", "blockdev() { echo 0; }; wipefs() { :; }"),
        ("wipefs fails", "blockdev() { echo 4096; }; wipefs() { return 1; }"),
    ] {
        let script = format!("{played}\ndevice={}\n{SCRIPT}", file.path().display());
        let output = Command::new("sh").args(["-c", &script, "disks"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("cannot be read"), "{case}: {said}");
    }
}
