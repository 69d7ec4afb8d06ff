//! Stage 2 of the stand-in mounts what its fstab says: devices are waited for, what has none is not. Shutdown unmounts it.

use std::process::Command;

const SCRIPT: &str = include_str!("../stand-in/run/storage.sh");
const SHUTDOWN: &str = include_str!("../stand-in/run/shutdown.sh");

/// Words of the shell in place of what would touch this machine.
const STAND_INS: &str = "say() { echo \"said $*\"; }\nawk() { printf '%s\\n' \"$LINE\"; }\nmountpoint() { return 1; }\nmkdir() { :; }\n\
                         sleep() { echo slept; }\ntimeout() { shift; printf '%s\\n' \"$*\"; }\n";

#[test]
fn only_devices_are_waited_for() {
    let (_, rest) = SCRIPT.split_once("# In the order of the file").unwrap();
    let (mounting, _) = rest.split_once("\ncut ").unwrap();
    for (line, slept, path) in [
        ("none /tmp tmpfs", 0, "/tmp"),
        ("tmpfs /var/my\\0401\\134cache tmpfs", 0, "/var/my 1\\cache"),
        ("nas:/share /share nfs4", 0, "/share"),
        ("UUID=no-such-device /data xfs", 29, "/data"),
    ] {
        let script = format!("{STAND_INS}# {mounting}");
        let said = Command::new("sh").args(["-c", &script]).env("LINE", line).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert_eq!(said.matches("slept").count(), slept, "{line}: {said}");
        assert!(said.contains(&format!("mount {path}\n")), "{line}: {said}");
    }
}

/// The last first, by the paths that they were mounted at.
#[test]
fn what_is_mounted_is_unmounted() {
    let (_, rest) = SHUTDOWN.split_once("# Whatever is still there").unwrap();
    let (unmounting, _) = rest.split_once("\nwhile read -r group").unwrap();
    let script = format!("{STAND_INS}# {unmounting}");
    let line = "/data\n/data/my\\0405\\134cache";
    let said = Command::new("sh").args(["-c", &script]).env("LINE", line).output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "umount /data/my 5\\cache\numount /data\n");
}
