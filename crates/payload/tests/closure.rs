//! The stand-in built by a real Nix from a package tree in miniature: its shape, that it is the same each time, and
//! that nothing of the builder's machine gets into it. Skips, and says why, where Nix or the miniature's parts lack.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use cmd::Cmd;
use machine::run_local;
use payload::{Array, BuildError, Closure, Mount, System, Variant, Workshop, build};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
const RELEASE: &str = "6.1.0-miniature";

/// Modules that the stand-in insists on.
const MODULES: [&str; 10] = [
    "drivers/md/raid456",
    "fs/xfs/xfs",
    "fs/ext4/ext4",
    "drivers/md/dm-writecache",
    "drivers/md/dm-cache",
    "drivers/nvme/host/nvme",
    "drivers/ata/ahci",
    "drivers/scsi/sd_mod",
    "drivers/usb/storage/usb-storage",
    "drivers/usb/host/xhci-pci",
];

/// As much of kmod as the build asks for: `depmod -b BASE RELEASE` leaves a list of modules, and an index.
const KMOD: &str = r#"
#include <stdio.h>
static int leave(char **words, const char *name, const char *text) {
    char path[4096];
    snprintf(path, sizeof path, "%s/lib/modules/%s/%s", words[2], words[3], name);
    FILE *file = fopen(path, "w");
    return file == NULL || fputs(text, file) < 0 || fclose(file) != 0;
}
int main(int count, char **words) {
    return count != 4 || leave(words, "modules.dep", LIST) || leave(words, "modules.dep.bin", "index");
}
"#;

const PROGRAMS: [&str; 20] = [
    "bin/bash",
    "bin/mawk",
    "bin/sudo",
    "bin/nix",
    "bin/ssh-keygen",
    "bin/mount",
    "bin/lsblk",
    "bin/udevadm",
    "bin/systemctl",
    "bin/systemd-run",
    "lib/systemd/systemd",
    "sbin/sshd",
    "sbin/mdadm",
    "sbin/lvm",
    "sbin/blkid",
    "sbin/e2fsck",
    "sbin/mkfs.xfs",
    "sbin/mkfs.ext4",
    "sbin/grub-install",
    "sbin/sfdisk",
];

fn found(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// Why these tests cannot run here.
fn lacking() -> Option<&'static str> {
    let is_static = |path: PathBuf| Command::new("ldd").arg(path).output().is_ok_and(|out| !out.status.success());
    if cfg!(not(target_arch = "x86_64")) {
        return Some("the stand-in is for x86_64");
    }
    if found("nix-build").is_none() {
        return Some("nix-build is not here (Debian: nix-bin)");
    }
    if !found("busybox").is_some_and(is_static) {
        return Some("no static busybox is here (Debian: busybox-static)");
    }
    if found("cc").is_none() || !Path::new("/").join(LIBRARIES).join("libc.so.6").exists() {
        return Some("no C compiler on a Debian-like amd64 system is here");
    }
    None
}

fn put(path: &Path, bytes: &[u8], mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A package tree with the names of the real one and next to nothing in them.
fn packages(dir: &Path) -> PathBuf {
    let tree = dir.join("tree");
    for program in PROGRAMS {
        put(&tree.join("usr").join(program), b"#!/bin/sh\nexit 0\n", 0o755);
    }
    put(&tree.join("usr/bin/busybox"), &fs::read(found("busybox").unwrap()).unwrap(), 0o755);
    let dep: String = MODULES.iter().flat_map(|module| ["kernel/", module, ".ko:\n"]).collect();
    let kmod = tree.join("usr/bin/kmod");
    let source = format!("#define LIST {dep:?}\n{KMOD}");
    put(&dir.join("kmod.c"), source.as_bytes(), 0o644);
    assert!(Command::new("cc").arg(dir.join("kmod.c")).arg("-o").arg(&kmod).status().unwrap().success());
    symlink("/bin/kmod", tree.join("usr/sbin/modprobe")).unwrap();
    let needed = Command::new("ldd").arg(&kmod).output().unwrap();
    let listed = String::from_utf8(needed.stdout).unwrap();
    let libraries = listed.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
    for library in libraries {
        let to = tree.join(LIBRARIES).join(library.file_name().unwrap());
        put(&to, &fs::read(&library).unwrap(), 0o755);
    }
    let modules = tree.join("usr/lib/modules").join(RELEASE);
    for module in MODULES {
        // Any ELF file will do for busybox' depmod, which only looks for sections that it knows.
        put(&modules.join(format!("kernel/{module}.ko")), &fs::read("/bin/true").unwrap(), 0o644);
    }
    put(&modules.join("modules.dep"), dep.as_bytes(), 0o644);
    for name in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
        put(&modules.join(name), b"", 0o644);
    }
    put(&tree.join(format!("boot/vmlinuz-{RELEASE}")), b"a kernel", 0o644);
    put(&tree.join("etc/mke2fs.conf"), b"[defaults]\n", 0o644);
    fs::create_dir_all(tree.join("usr/lib64")).unwrap();
    symlink("usr/lib64", tree.join("lib64")).unwrap();
    let tar = dir.join("packages.tar");
    let words = ["--sort=name", "--mtime=@1", "--owner=0", "--group=0", "-cf"];
    let made = Command::new("tar").args(words).arg(&tar).arg("-C").arg(&tree).arg(".").status().unwrap();
    assert!(made.success());
    tar
}

fn nas() -> System {
    let mount = |uuid: &str, format: &str, path: &str| Mount {
        uuid: uuid.into(),
        format: format.into(),
        path: path.into(),
        options: vec![],
    };
    System {
        hostname: "nas".into(),
        user: "ben".into(),
        // Nix code, if anything took it for code.
        keys: vec!["ssh-ed25519 AAAA ${builtins.readFile \"/etc/shadow\"} ''${x} \\\" ben@laptop".into()],
        address: [192, 168, 1, 10].into(),
        prefix: 24,
        gateway: Some([192, 168, 1, 1].into()),
        arrays: vec![Array { name: "nas".into(), uuid: "0a1b2c3d:00000000:11111111:deadbeef".into() }],
        volume_groups: vec!["nas".into()],
        mounts: vec![mount("1111-1", "xfs", "/"), mount("2222-2", "ext4", "/boot")],
        nodev: vec![],
        swaps: vec![],
        grub_devices: vec!["/dev/disk/by-id/usb-x".into()],
        kernel_params: vec![],
        label: "it's $HOME".into(),
        variant: Variant::Plain,
    }
}

async fn made(system: &System, packages: &Path, dir: &Path) -> Closure {
    let workshop = Workshop { packages: packages.into(), dir: dir.into() };
    build(system, &workshop, |_| ()).await.unwrap()
}

#[tokio::test]
async fn a_system_has_the_shape_of_a_nixos_toplevel_and_is_the_same_each_time() {
    if let Some(why) = lacking() {
        eprintln!("skipped: {why}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let tar = packages(dir.path());
    let closure = made(&nas(), &tar, &dir.path().join("one")).await;
    let system = Path::new(closure.path.as_str());
    for file in ["kernel", "initrd", "kernel-params", "nixos-version", "label", "etc/fstab", "sw/usr/bin/bash"] {
        assert!(system.join(file).exists(), "{file}");
    }
    for program in ["init", "activate", "bin/switch-to-configuration", "lib/network", "lib/storage", "lib/shutdown"] {
        let mode = fs::metadata(system.join(program)).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{program}");
        let text = fs::read_to_string(system.join(program)).unwrap();
        assert!(text.starts_with("#!/nix/store/"), "{program} runs before there is another interpreter");
    }
    let keys = fs::read_to_string(system.join("etc/ssh/authorized_keys.d/ben")).unwrap();
    assert_eq!(keys.trim_end(), nas().keys[0], "a key is text, whatever it looks like");
    assert!(!system.join("etc/ssh/ssh_host_ed25519_key").exists(), "a secret key in a store that all can read");

    // The same again: same paths. Another label: only the small path is new.
    let again = made(&nas(), &tar, &dir.path().join("two")).await;
    assert_eq!(again, closure);
    let other = made(&System { label: "second".into(), ..nas() }, &tar, &dir.path().join("one")).await;
    let new: Vec<_> = other.paths.iter().filter(|path| !closure.paths.contains(path)).collect();
    assert_eq!(new, [&other.path]);
    let size = Command::new("nix-store").args(["--query", "--size", other.path.as_str()]).output().unwrap();
    let size: u64 = String::from_utf8(size.stdout).unwrap().trim().parse().unwrap();
    assert!(size < 64 * 1024, "a second generation costs {size} bytes");

    // Built again from nothing, Nix finds the same bytes.
    let drv = run_local(&Cmd::new("nix-store").args(["--query", "--deriver", closure.path.as_str()]), DEADLINE).await;
    let drv = drv.unwrap().stdout.trim().to_owned();
    let mut check = Cmd::new("nix-store").args(["--realise", "--check", &drv]);
    if !Path::new("/nix/var/nix/daemon-socket/socket").exists() {
        check = check.args(["--option", "sandbox", "false", "--option", "build-users-group", ""]);
    }
    run_local(&check.args(["--option", "substituters", ""]), DEADLINE).await.unwrap();
}

const DEADLINE: Duration = Duration::from_mins(5);

#[tokio::test]
async fn what_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = Workshop { packages: dir.path().join("none.tar"), dir: dir.path().join("work") };
    let error = build(&nas(), &workshop, |_| ()).await.unwrap_err();
    assert!(matches!(error, BuildError::Packages { why: "is not there", .. }), "{error}");
    if let Some(why) = lacking() {
        eprintln!("skipped: {why}");
        return;
    }
    let tar = packages(dir.path());
    let delete = Command::new("tar").arg("--delete").arg("-f").arg(&tar).arg("./usr/sbin/mdadm").status().unwrap();
    assert!(delete.success());
    let workshop = Workshop { packages: tar, dir: dir.path().join("work") };
    let error = build(&nas(), &workshop, |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("the package tree lacks usr/sbin/mdadm"), "{error}");
}

#[test]
fn every_script_passes_shellcheck() {
    if found("shellcheck").is_none() {
        eprintln!("skipped: shellcheck is not here (Debian: shellcheck)");
        return;
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("stand-in");
    let list = |sub: &str| fs::read_dir(dir.join(sub)).unwrap().map(|entry| entry.unwrap().path());
    let of_machine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../machine/src/deploy");
    let of_machine = fs::read_dir(of_machine).unwrap().map(|entry| entry.unwrap().path());
    let scripts: Vec<_> = list("run")
        .chain(list("build"))
        .chain(of_machine)
        .filter(|path| path.extension().is_some_and(|end| end == "sh"))
        .collect();
    assert!(scripts.len() > 10, "{scripts:?}");
    let out = Command::new("shellcheck").args(["--shell", "sh"]).args(scripts).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}
