//! What activating a group blanks where the kernel refuses it: a writecache whose formatting was cut, and nothing else. LVM is
//! played; what the real one and the kernel do is seen in the lab (`caching`).
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "what a script does, a shell says")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

const SCRIPT: &str = include_str!("../src/plan/activate.sh");
/// Behind 1 MiB, two extents of 4 MiB on.
const AT: usize = (1 << 20) + 2 * (4 << 20);

#[test]
fn a_writecache_that_was_begun_is_blanked_and_no_other() {
    let begun = [0, 0, 0, 0, 1, 0, 0, 0];
    for (case, start, content, blanked) in [
        ("begun", "1048576", begun, true),
        ("in use", "1048576", [0x21, 0x93, 0x48, 0x23, 1, 0, 0, 0], false),
        ("of another version", "1048576", [0, 0, 0, 0, 2, 0, 0, 0], false),
        ("LVM is silent", "", begun, false),
        ("LVM says something else", "unknown", begun, false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let device = dir.path().join("device");
        let mut bytes = vec![7; AT + (1 << 20)];
        bytes[AT..AT + 8].copy_from_slice(&content);
        fs::write(&device, &bytes).unwrap();
        let ranges =
            format!("case \"$*\" in *pool_lv*) echo '  [fast_cvol]' ;; *) echo '  {}:2-9' ;; esac", device.display());
        for (name, answer) in [
            ("vgchange", "exit 5"),
            ("vgs", "echo '  4194304'"),
            ("pvs", &format!("echo '  {start}'")),
            ("lvs", &ranges),
        ] {
            let file = dir.path().join(name);
            fs::write(&file, format!("#!/bin/sh\n{answer}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let ended = Command::new("sh").args(["-c", SCRIPT, "activate", "nas"]).env("PATH", path).status().unwrap();
        assert_eq!(ended.code(), Some(5), "{case}");
        if blanked {
            bytes[AT..AT + 4096].fill(0);
        }
        assert!(fs::read(&device).unwrap() == bytes, "{case}");
    }
}
