//! The script that tells of write caches and backups, run on what it reads.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test, which runs a script on files"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/nix/host-metrics.sh");

/// What dmsetup(8) prints of one cache of 25,000 blocks, 1,500 of them not written back; and of none.
const ONE: &str = "#!/bin/sh
case $1 in
table) echo 'nas-data: 0 31250456576 writecache s 253:1 253:0 4096 0' ;;
status) echo 'nas-data: 0 31250456576 writecache 0 25000 23500 12 0 0 9 0 0 0 0 0 0 0' ;;
esac
";
const NONE: &str = "#!/bin/sh\necho 'No devices found'\n";

/// Runs the script; `dmsetup` is the program of that name.
fn run(folder: &Path, dmsetup: &str, words: &[&str]) -> Output {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("dmsetup"), dmsetup).unwrap();
    fs::set_permissions(bin.join("dmsetup"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.arg(SCRIPT).arg(folder.join("host.prom")).args(words).env("PATH", path).env("DM_CONTROL", &bin);
    bash.output().unwrap()
}

fn written(folder: &Path, dmsetup: &str, words: &[&str]) -> String {
    let output = run(folder, dmsetup, words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(folder.join("host.prom")).unwrap()
}

fn image(share: &Path, name: &str, history: Option<&str>) {
    let image = share.join(name);
    fs::create_dir_all(image.join("bands")).unwrap();
    if let Some(history) = history {
        fs::write(image.join("com.apple.TimeMachine.SnapshotHistory.plist"), history).unwrap();
    }
}

#[test]
fn caches_and_backups_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let share = folder.path().join("timemachine");
    let dates = |dates: &[&str]| {
        let date = |date: &&str| {
            format!("<dict><key>com.apple.backupd.SnapshotCompletionDate</key>\n<date>{date}</date></dict>\n")
        };
        format!(
            "<plist version=\"1.0\"><dict><key>Snapshots</key><array>{}</array></dict></plist>",
            dates.iter().map(date).collect::<String>()
        )
    };
    // Not the last of the file, but the latest.
    image(&share, "Anna's \"Air\".sparsebundle", Some(&dates(&["2026-01-02T03:04:05Z", "2026-01-01T00:00:00Z"])));
    image(&share, "studio.backupbundle", Some(&dates(&["2026-02-01T12:00:00Z"])));
    image(&share, "new.sparsebundle", None);
    image(&share, "odd.sparsebundle", Some("<date>yesterday</date>\n"));
    // What a user could put there to have the machine's own files read.
    image(&share, "sly.sparsebundle", None);
    std::os::unix::fs::symlink(
        "/etc/passwd",
        share.join("sly.sparsebundle/com.apple.TimeMachine.SnapshotHistory.plist"),
    )
    .unwrap();
    let words = [format!("timemachine={}", share.display()), "gone=/nonexistent".to_owned()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let text = written(folder.path(), ONE, &words);
    insta::assert_snapshot!(text);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "nothing but the file, the share and the programs: {left:?}");
    let mode = fs::metadata(folder.path().join("host.prom")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "others may read it");
}

#[test]
fn a_machine_without_either_writes_an_empty_file() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(written(folder.path(), NONE, &[]), "");
}

#[test]
fn what_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let before = written(folder.path(), ONE, &[]);
    let output = run(folder.path(), "#!/bin/sh\nexit 1\n", &[]);
    assert!(!output.status.success());
    assert_eq!(fs::read_to_string(folder.path().join("host.prom")).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
}
