//! A partition table is read again by a real kernel while somebody looks at one of its partitions.
#![expect(clippy::disallowed_types, clippy::unwrap_used, reason = "who has a device open is the kernel's affair")]

mod common;

use common::loops::Loop;
use std::path::Path;
use std::process::Command;

fn sh(script: &str, device: &str) -> bool {
    Command::new("sh").args(["-c", script, "reread", device]).status().unwrap().success()
}

#[test]
fn whoever_only_looks_is_waited_for_and_whoever_uses_it_is_not_disturbed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(16 << 20).unwrap();
    let Some(device) = Loop::scanned(file.path().to_str().unwrap()) else {
        return eprintln!("SKIPPED: no loop device is to be had here (root alone can)");
    };
    assert!(sh("echo size=4MiB | sfdisk --quiet --label gpt $1", &device.0));
    if !Path::new(&format!("{}p1", device.0)).exists() {
        return eprintln!("SKIPPED: this kernel has no partitions of loop devices");
    }
    let reread = storage::save::reread(&device.0).to_sh(str::to_owned);
    // As udev looks at a partition: with a lock on its disk.
    let look = "flock --shared $1 sh -c \"exec 3<${1}p1; sleep 1\"";
    assert!(sh(&format!("{look} & sleep 0.3; ! blockdev --rereadpt $1 2>/dev/null; {reread}"), &device.0));
    assert!(sh(&format!("exec 3<${{1}}p1; ! {reread} 2>/dev/null"), &device.0));
}
