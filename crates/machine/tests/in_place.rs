//! What a boot loader reads is in its place on the disk, and kept there by the drive: two scripts do it, each with the programs
//! of its own system, on an ext4 of a loop device of the test's own.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const DEPLOY: &str = include_str!("../src/deploy/deploy.sh");
const STAND_IN: &str = include_str!("../../payload/stand-in/run/switch-to-configuration.sh");

/// Mounts the disk on /boot, where nobody else sees it, and asks the kernel what the function has it do there.
/// $1: the disk's file, $2: the function, $3: the shell that is to run it, $4: where its programs are, $5: where else it is mounted.
const SCRIPT: &str = "set -e; device=$(losetup --find --show \"$1\")\n\
    trap 'umount --recursive /boot; losetup --detach \"$device\"' EXIT; mount \"$device\" /boot; echo menu >/boot/menu\n\
    [ -z \"$5\" ] || { mkdir \"$5\"; mount \"$device\" \"$5\"; }\n\
    strace --quiet=all --follow-forks --decode-fds=path --trace=syncfs,fsync \
    env PATH=\"$4\" $3 -c 'fail() { echo \"$*\" >&2; exit 1; }; dir=/dev; '\"$2\"'; in_place /boot/menu'";

/// The function of that name.
fn function(script: &str, name: &str) -> String {
    let begin = script.find(&format!("\n{name}() {{")).unwrap() + 1;
    let end = begin + script[begin..].find("\n}").unwrap();
    script[begin..end].to_owned() + "\n}"
}

/// The calls that the function makes, with the paths that they are about; none where it cannot be tried.
fn calls(function: &str, shell: &str, programs: &str, also: &str) -> Option<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("disk");
    std::fs::File::create(&file).unwrap().set_len(64 << 20).unwrap();
    let good = |words: &[&str]| Command::new(words[0]).args(&words[1..]).output().is_ok_and(|it| it.status.success());
    let path = file.to_str().unwrap();
    let can = good(&["mkfs.ext4", "-q", path]) && good(&["losetup", "--find"]) && good(&["strace", "--version"]);
    if !can || !Path::new("/boot").is_dir() {
        println!("skipped: no loop device, mkfs.ext4, strace or /boot is to be had here (root alone can)");
        return None;
    }
    let words = ["--mount", "sh", "-c", SCRIPT, "sh", path, function, shell, programs, also];
    let output = Command::new("unshare").args(words).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    // `[pid 812] syncfs(3</boot/menu>) = 0`
    let call = |line: &str| {
        let at = line.find("syncfs(").or_else(|| line.find("fsync("))?;
        line.ends_with("= 0").then(|| line[at..].to_owned())
    };
    Some(said.lines().filter_map(call).collect())
}

#[test]
fn what_grub_reads_is_kept_by_the_drive() {
    // The stand-in is a system of busybox.
    let busybox = tempfile::tempdir().unwrap();
    for program in ["df", "mountpoint", "sync", "tail"] {
        symlink("/bin/busybox", busybox.path().join(program)).unwrap();
    }
    let path = std::env::var("PATH").unwrap();
    let busy = ("/bin/busybox sh", busybox.path().to_str().unwrap());
    for (script, (shell, programs)) in [(DEPLOY, ("/bin/sh", path.as_str())), (DEPLOY, busy), (STAND_IN, busy)] {
        let Some(calls) = calls(&function(script, "in_place"), shell, programs, "") else { return };
        let [filesystem, device] = calls.as_slice() else { panic!("{calls:?}") };
        assert!(filesystem.starts_with("syncfs(3</boot"), "{calls:?}");
        assert!(device.starts_with("fsync(3</dev/loop"), "{calls:?}");
    }
}

/// An EFI system partition below /boot is another filesystem.
#[test]
fn what_firmware_reads_is_kept_by_the_drive() {
    let path = std::env::var("PATH").unwrap();
    let Some(calls) = calls(&function(DEPLOY, "in_place"), "/bin/sh", &path, "/boot/efi") else { return };
    let [.., filesystem, device] = calls.as_slice() else { panic!("{calls:?}") };
    assert!(calls.len() == 4 && filesystem.starts_with("syncfs(3</boot/efi"), "{calls:?}");
    assert!(device.starts_with("fsync(3</dev/loop"), "{calls:?}");
}

/// Below a root of its own, which has all of this one's but /boot: an EFI system partition may be the only one, at /efi.
const WITHOUT: &str = "set -e; mount -t tmpfs none \"$1\"\n\
    for it in /*; do\n\
    if [ -L \"$it\" ]; then cp -P \"$it\" \"$1\"; elif [ \"$it\" != /boot ] && [ -d \"$it\" ]; then\n\
    mkdir -p \"$1$it\"; mount --rbind \"$it\" \"$1$it\"; fi; done\n\
    exec chroot \"$1\" sh -c \"dir=/; $2; [ ! -e /boot ] && in_place\"";

#[test]
fn what_is_not_there_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let private = Command::new("unshare").args(["--mount", "true"]).status();
    if !private.is_ok_and(|status| status.success()) {
        println!("skipped: a mount namespace of one's own (root's rights, util-linux)");
        return;
    }
    let words = ["--mount", "sh", "-c", WITHOUT, "sh", dir.path().to_str().unwrap()];
    let output = Command::new("unshare").args(words).arg(function(DEPLOY, "in_place")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
