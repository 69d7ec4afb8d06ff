//! A machine that is installed already: the first test that wants it installs it and keeps a snapshot in the cache of the
//! user, memory and all; the others, of this run or of the next, go on from there in seconds.
//!
//! The snapshot is named by the fleet and by the very program that installed it, so it is never older than what is tested.

use super::Bench;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A machine with one small disk, a filesystem of its own for `/boot`, and one in memory.
pub const ONE: &str = r#"
[machines.one]
address = "192.168.1.11"

[machines.one.storage.disk.virtio]
device = "/dev/disk/by-id/virtio-ONE"
serial = "ONE"
size = "64GiB"

[machines.one.storage.disk.virtio.content]
type = "mbr"
bootable = true
partitions.boot = { size = "1GiB", content = { type = "filesystem", format = "ext4", mountpoint = "/boot" } }
partitions.root = { size = "100%", content = { type = "filesystem", format = "xfs", mountpoint = "/" } }

[machines.one.storage.nodev]
"/tmp" = { fstype = "tmpfs", options = ["size=64M", "mode=1777"] }
"#;

const FLEET: &str = "small";
const SNAPSHOT: &str = "installed";

impl Bench {
    /// The lab of [`ONE`], installed with the stand-in and running; none where machines cannot be booted.
    pub fn installed() -> Option<Self> {
        let bench = Self::of(FLEET, ONE)?;
        let kept = kept();
        // Whoever comes second waits, and finds it made. Restored, nothing of it is needed any more.
        let lock = File::create(kept.with_file_name("lock")).unwrap();
        lock.lock().unwrap();
        let place = bench.snapshots();
        if kept.join(SNAPSHOT).exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(place.parent().unwrap()).unwrap();
            symlink(&kept, &place).unwrap();
            bench.run(&["lab", "up", "--from", SNAPSHOT]);
            fs::remove_file(&place).unwrap();
        } else {
            bench.run(&["lab", "up"]);
            let answer = bench.run(&["--lab", "install", "one", "--payload", "stand-in"]);
            assert!(answer.contains("showed its own host key"), "{answer}");
            bench.run(&["lab", "snapshot", "save", SNAPSHOT]);
            make_room(&kept);
            // Across filesystems, if need be; whole or not at all.
            let fresh = kept.with_extension("new");
            let words = ["--archive", "--sparse=always", "--reflink=auto", "--"];
            assert!(Command::new("cp").args(words).args([&place, &fresh]).status().unwrap().success());
            fs::rename(&fresh, &kept).unwrap();
            fs::remove_dir_all(&place).unwrap();
        }
        // The clock of a restored machine stands where it stood.
        bench.run(&["lab", "ssh", "one", "--", "sudo", "date", "--utc", "--set", &now()]);
        Some(bench)
    }

    /// Where the snapshots of its lab lie.
    fn snapshots(&self) -> PathBuf {
        let fleet = self.path().canonicalize().unwrap().join("fleet.toml");
        let mark = storage::identity::namespace(fleet.to_str().unwrap(), "lab").simple().to_string();
        self.path().join(format!("homehive/snapshots/{FLEET}-{}", &mark[..8]))
    }
}

/// Where the snapshot lies that this program makes of this fleet; its directory is there.
fn kept() -> PathBuf {
    let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache"))).unwrap();
    let dir = cache.join("homehive/golden");
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).unwrap();
    let summed = Command::new("sha256sum").arg(env!("CARGO_BIN_EXE_homehive")).output().unwrap();
    let program = String::from_utf8(summed.stdout).unwrap();
    let name = storage::identity::namespace(&format!("{}{ONE}", &program[..64]), "golden").simple().to_string();
    dir.join(name)
}

/// Removes those of other programs: what they installed is of no use to this one.
fn make_room(kept: &Path) {
    for entry in fs::read_dir(kept.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

/// As date(1) reads it.
fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("@{}", since.as_secs())
}
