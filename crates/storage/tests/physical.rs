//! Physical volumes on real block devices, as LVM itself makes and reads them.
#![expect(
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "what a script is worth is what the real LVM says of it"
)]

mod common;

use common::loops::Loop;
use std::process::{Command, Output};

/// The script, for one physical volume.
const SCRIPT: &str = concat!("set -eu\n", include_str!("../src/plan/pv.sh"), "physical_volume \"$@\"\n");
const OURS: &str = "68f4f7-255e-d55d-6cbf-09d8-bc62-58d963";
const OTHER: &str = "a4ce0c-746b-ec5b-a991-1d49-9d64-cd92b8";
/// Another one: the tests run side by side.
const FORGOTTEN: &str = "9d4a89-dbf7-3c50-79b5-53f2-6104-e5633d";

fn sh(script: &str, args: &[&str]) -> Output {
    Command::new("sh").args(["-c", script, "pv"]).args(args).output().unwrap()
}

/// A blank device; none, said, where none is to be had.
fn blank() -> Option<(tempfile::NamedTempFile, Loop)> {
    if Command::new("pvcreate").arg("--version").output().is_err() {
        eprintln!("SKIPPED: lvm2 is not installed");
        return None;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(64 << 20).unwrap();
    let device = Loop::over(file.path().to_str().unwrap());
    if device.is_none() {
        eprintln!("SKIPPED: no loop device is to be had here (root alone can)");
    }
    Some((file, device?))
}

/// UUID, group, and how many areas for metadata are whole.
fn seen(device: &str) -> String {
    let look =
        "pvs --noheadings --separator / --options pv_uuid,vg_name,pv_mda_count \"$1\" 2>/dev/null | tr -d ' \\n'";
    String::from_utf8(sh(look, &[device]).stdout).unwrap()
}

/// What a power cut may leave of one that was being made: each 4 KiB of its beginning written, or not.
#[test]
fn one_that_was_begun_is_made_whole_and_a_damaged_one_of_others_is_not() {
    let Some((_file, device)) = blank() else { return };
    let lose = |block: &str| {
        let zero = "dd if=/dev/zero \"of=$1\" bs=4096 \"seek=$2\" count=1 conv=notrunc,fsync status=none";
        assert!(sh(zero, &[&device.0, block]).status.success());
    };
    let make = |uuid: &str| sh(SCRIPT, &[&device.0, uuid, "--dataalignment", "1048576b"]);
    let whole = format!("{OURS}//1");

    for (case, lost) in [("nothing is there", None), ("label alone", Some("1")), ("header alone", Some("0"))] {
        lost.into_iter().for_each(lose);
        let made = make(OURS);
        assert!(made.status.success(), "{case}: {}", String::from_utf8_lossy(&made.stderr));
        assert_eq!(seen(&device.0), whole, "{case}");
    }
    // What is damaged and not ours may be somebody's.
    lose("1");
    assert!(!make(OTHER).status.success());
    assert_eq!(seen(&device.0), format!("{OURS}//0"));
}

/// A group's metadata that a power cut forgot, when the volume had already been marked as in use: LVM's word for that is
/// what a probe looks for, and nothing but a wipe helps.
#[test]
fn one_whose_group_was_forgotten_is_made_only_where_it_was_wiped() {
    let Some((_file, device)) = blank() else { return };
    let make = || sh(SCRIPT, &[&device.0, FORGOTTEN, "--dataalignment", "1048576b"]);
    assert!(make().status.success());
    let group = "set -eu\nnotes=$(mktemp)\ntrap 'rm \"$notes\"' EXIT\ndd \"if=$1\" bs=4096 skip=1 count=255 status=none >\"$notes\"\n\
        vgcreate --quiet \"$2\" \"$1\"\ndd \"of=$1\" bs=4096 seek=1 conv=notrunc,fsync status=none <\"$notes\"";
    let made = sh(group, &[&device.0, &format!("hh{}", std::process::id())]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(seen(&device.0), format!("{FORGOTTEN}/[unknown]/1"));
    assert!(!make().status.success(), "somebody's, as far as it can be told");
    assert!(sh("wipefs --all --quiet \"$1\"", &[&device.0]).status.success());
    let made = make();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(seen(&device.0), format!("{FORGOTTEN}//1"));
}
