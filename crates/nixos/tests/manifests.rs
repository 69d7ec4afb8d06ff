//! The script that places manifests, run on directories of its own: real files, only what changed, only what is its own.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test, which runs programs"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A machine's directories, as far as the script goes.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(machine.path("state")).unwrap();
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn k3s(&self, file: &str) -> PathBuf {
        self.path("rancher/k3s/server/manifests").join(file)
    }

    /// Runs the script on files as the Nix store has them: links to files with one time for all. What it says.
    fn place(&self, files: &[(&str, &str)]) -> String {
        let store = self.path("store");
        let _ = fs::remove_dir_all(&store);
        fs::create_dir_all(store.join("placed")).unwrap();
        for (name, text) in files {
            let real = store.join(format!("hash-{name}"));
            fs::write(&real, text).unwrap();
            let file = fs::File::open(&real).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
            symlink(&real, store.join("placed").join(name)).unwrap();
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("nix/cluster-manifests.sh");
        let output = Command::new("bash")
            .arg(script)
            .args(
                [store.join("placed"), self.k3s("."), self.path("state/manifests")]
                    .map(|path| path.to_str().unwrap().trim_end_matches("/.").to_owned()),
            )
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn there(&self) -> BTreeMap<String, String> {
        let entries = fs::read_dir(self.k3s("")).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
            .collect()
    }
}

fn files(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn real_files_that_move_only_when_they_change() {
    let machine = Machine::new();
    let said = machine.place(&[("10-a.yaml", "a: 1\n"), ("20-b.yaml", "b: 1\n")]);
    assert_eq!(said, "placed 10-a.yaml\nplaced 20-b.yaml\n");
    let first = fs::symlink_metadata(machine.k3s("10-a.yaml")).unwrap();
    assert!(first.is_file() && first.permissions().mode().trailing_zeros() >= 7, "a real file, for root alone");
    assert!(first.mtime() > 1, "not the store's time");
    assert_eq!(machine.place(&[("10-a.yaml", "a: 1\n"), ("20-b.yaml", "b: 1\n")]), "", "nothing to do");
    let same = fs::symlink_metadata(machine.k3s("10-a.yaml")).unwrap();
    assert_eq!((same.ino(), same.mtime_nsec()), (first.ino(), first.mtime_nsec()), "left alone");
    assert_eq!(machine.place(&[("10-a.yaml", "a: 2\n"), ("20-b.yaml", "b: 1\n")]), "placed 10-a.yaml\n");
    let changed = fs::symlink_metadata(machine.k3s("10-a.yaml")).unwrap();
    let moment = |it: &fs::Metadata| (it.mtime(), it.mtime_nsec());
    assert!(moment(&changed) > moment(&first), "k3s sees that it has changed");
    assert_eq!(machine.there(), files(&[("10-a.yaml", "a: 2\n"), ("20-b.yaml", "b: 1\n")]));
}

#[test]
fn what_is_no_longer_wanted_goes_and_others_stay() {
    let machine = Machine::new();
    fs::create_dir_all(machine.k3s("")).unwrap();
    fs::write(machine.k3s("coredns.yaml"), "k3s: own\n").unwrap();
    machine.place(&[("10-a.yaml", "a: 1\n"), ("20-b.yaml", "b: 1\n")]);
    assert_eq!(machine.place(&[("10-a.yaml", "a: 1\n")]), "removed 20-b.yaml\n");
    assert_eq!(machine.there(), files(&[("10-a.yaml", "a: 1\n"), ("coredns.yaml", "k3s: own\n")]));
    // A second server: none places anything.
    assert_eq!(machine.place(&[]), "removed 10-a.yaml\n");
    assert_eq!(machine.there(), files(&[("coredns.yaml", "k3s: own\n")]));
    assert_eq!(machine.place(&[]), "");
}

/// k3s deletes what leaves a file that stays. One whose objects get files of their own goes whole, and after these are there.
#[test]
fn a_file_that_is_divided_goes_whole_and_last() {
    let machine = Machine::new();
    machine.place(&[("10-volumes.yaml", "a: 1\n---\nb: 1\n")]);
    let said = machine.place(&[("10-volume-a.yaml", "a: 1\n"), ("10-volume-b.yaml", "b: 1\n")]);
    assert_eq!(said, "placed 10-volume-a.yaml\nplaced 10-volume-b.yaml\nremoved 10-volumes.yaml\n");
}

/// Links, dangling ones too, stop k3s from reading anything.
#[test]
fn a_link_in_its_place_is_replaced() {
    let machine = Machine::new();
    fs::create_dir_all(machine.k3s("")).unwrap();
    symlink("/nowhere", machine.k3s("10-a.yaml")).unwrap();
    machine.place(&[("10-a.yaml", "a: 1\n")]);
    assert!(fs::symlink_metadata(machine.k3s("10-a.yaml")).unwrap().is_file());
    assert_eq!(machine.there(), files(&[("10-a.yaml", "a: 1\n")]));
}

/// Cut between placing and removing: what was placed is known to be its own.
#[test]
fn a_run_that_was_cut_is_gone_on_with() {
    let machine = Machine::new();
    machine.place(&[("10-a.yaml", "a: 1\n")]);
    // As it stands when the power goes after the first new file.
    fs::write(machine.path("state/manifests"), "10-a.yaml\n20-b.yaml\n").unwrap();
    fs::write(machine.k3s("20-b.yaml"), "b: 1\n").unwrap();
    fs::write(machine.k3s(".30-c.yaml.new"), "half").unwrap();
    assert_eq!(machine.place(&[("30-c.yaml", "c: 1\n")]), "placed 30-c.yaml\nremoved 10-a.yaml\nremoved 20-b.yaml\n");
    assert_eq!(machine.there(), files(&[("30-c.yaml", "c: 1\n")]));
}
