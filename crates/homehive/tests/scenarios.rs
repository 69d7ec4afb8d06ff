//! Scenarios, by the real command line: what is wrong is told before anything starts, the built-in one and the example on
//! disks play to their ends, and one that does not hold says so in its exit status and its report.

mod bench;

use bench::{Bench, told};
use std::fs;
use std::path::Path;
use std::process::Command;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
const FLEET: &str = include_str!("../../../examples/nas/fleet.toml");

#[test]
fn a_scenario_is_checked_as_a_whole_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let run = |text: &str| {
        fs::write(dir.path().join("story.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.env("XDG_STATE_HOME", dir.path()).env_remove("HOMEHIVE_FLEET").current_dir(dir.path());
        command.args(["--plain", "lab", "run", "story.toml"]).output().unwrap()
    };
    let fleet = format!("title = \"Wrong\"\nfleet = \"{EXAMPLES}/nas/fleet.toml\"\n");
    let wrong = "[[step]]\ndo = \"boot\"\nmachine = \"nsa\"\n\n[[step]]\ndo = \"pause\"\nfor = \"never\"\n\n\
                 [[step]]\ndo = \"homehive\"\nwords = [\"dploy\"]\n";
    let output = run(&(fleet.clone() + wrong));
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    for part in [
        "story.toml has 3 problems",
        "the fleet has no machine `nsa`",
        "[story.toml:5:11]",
        "no length of time",
        "unrecognized subcommand 'dploy'",
    ] {
        assert!(told(&output).contains(part), "{part}: {}", told(&output));
    }
    let output = run("title = \"No fleet\"\nfleet = \"nowhere.toml\"\n\n[[step]]\ndo = \"pause\"\nfor = \"1s\"\n");
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    let output = run(&(fleet + "[[step]]\ndo = \"pause\"\nfor = \"1s\"\n"));
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("names no machine"), "{}", told(&output));
    assert!(!dir.path().join("homehive").exists(), "no lab was made");
}

#[test]
fn in_the_lab_a_scenario_that_does_not_hold_says_so() {
    let Some(bench) = Bench::new(FLEET) else { return };
    let story = "title = \"Nothing is on\"\n\n[[step]]\ndo = \"dying\"\nmachine = \"nas\"\ndisk = \"disk.sata1\"\n\n\
                 [[step]]\ndo = \"run\"\nmachine = \"nas\"\nwords = [\"true\"]\nexpect = \"fails\"\n\n\
                 [[step]]\ndo = \"pull\"\nmachine = \"nas\"\ndisk = \"disk.sata2\"\nexpect = \"fails\"\n\n\
                 [[step]]\ndo = \"pause\"\nfor = \"1h\"\n";
    fs::write(bench.path().join("story.toml"), story).unwrap();
    let output = bench.ask(&["lab", "run", "story.toml", "--report", "report"]);
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let report = fs::read_to_string(bench.path().join("report/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let stages = report["stages"].as_array().or_else(|| report["run"]["stages"].as_array()).unwrap();
    let states: Vec<&str> = stages.iter().map(|stage| stage["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["passed", "passed", "failed", "not_run", "passed"]);
    assert!(stages[2]["detail"].as_str().unwrap().contains("it had to fail, and did not"), "{stages:?}");
    assert!(stages[3].to_string().contains("an earlier stage failed"), "{stages:?}");
    assert!(!Path::new(&bench.path().join("homehive/labs")).read_dir().unwrap().any(|_| true), "the lab is down");
}

/// A mirror of two disks, and a disk for the system.
const MIRROR: &str = r#"
[machines.one]
address = "192.168.1.11"

[machines.one.storage.disk.vda]
device = "/dev/disk/by-id/virtio-A"
serial = "A"
content = { type = "mbr", bootable = true, partitions.root = { content = { type = "filesystem", format = "ext4", mountpoint = "/" } } }

[machines.one.storage.disk.vdb]
device = "/dev/disk/by-id/virtio-B"
serial = "B"
content = { type = "mdraid", name = "pair" }

[machines.one.storage.disk.vdc]
device = "/dev/disk/by-id/virtio-C"
serial = "C"
content = { type = "mdraid", name = "pair" }

[machines.one.storage.mdadm.pair]
level = 1
content = { type = "filesystem", format = "ext4", mountpoint = "/data" }
"#;

/// Faults that are measured, before the disks hold anything; then what is found wanting, and well at a later try; then a
/// step that is broken off.
const FAULTS: &str = r#"
title = "Faults of a disk, one beside the other"

[[step]]
do = "boot"
machine = "one"
from = "medium"

[[step]]
do = "rot"
machine = "one"
disk = "disk.vdb"
at = 1048576
sectors = 8

[[step]]
title = "what was blank is not"
do = "run"
machine = "one"
words = ["cmp", "-s", "-n", "4096", "-i", "1048576:0", "/dev/disk/by-id/virtio-B", "/dev/zero"]
status = 1

[[step]]
do = "slow"
machine = "one"
disk = "disk.vdb"
ms = 700

[[step]]
do = "errors"
machine = "one"
disk = "disk.vdb"
from = 2097152
to = 2101248

[[step]]
do = "run"
machine = "one"
words = ["dd", "if=/dev/disk/by-id/virtio-B", "of=/dev/null", "bs=4096", "skip=512", "count=1", "iflag=direct"]
status = 1

[[step]]
title = "beside the errors it is slow"
do = "run"
machine = "one"
words = ["sh", "-c", "a=$(date +%s%N); dd if=/dev/disk/by-id/virtio-B of=/dev/null bs=4096 count=1 iflag=direct && [ $(($(date +%s%N) - a)) -ge 700000000 ]"]

[[step]]
do = "full"
machine = "one"
disk = "disk.vdb"
after = 65536

[[step]]
do = "run"
machine = "one"
words = ["dd", "if=/dev/zero", "of=/dev/disk/by-id/virtio-B", "bs=65536", "seek=64", "count=2", "oflag=direct"]
status = 1

[[step]]
do = "well"
machine = "one"
disk = "disk.vdb"

[[step]]
do = "run"
machine = "one"
words = ["dd", "if=/dev/disk/by-id/virtio-B", "of=/dev/null", "bs=4096", "skip=512", "count=1", "iflag=direct"]

[[step]]
do = "homehive"
words = ["disks", "plan", "one"]
prints = "mdadm.pair"

[[step]]
title = "verify finds no array"
do = "verify"
machine = "one"
groups = ["raid"]
expect = "fails"

[[step]]
do = "disks-apply"
machine = "one"

[[step]]
do = "verify"
machine = "one"
groups = ["raid"]
within = "2min"

[[step]]
do = "run"
machine = "one"
words = ["sh", "-c", "umount /mnt/data && mdadm --stop /dev/md/pair"]

[[step]]
do = "run"
machine = "one"
words = ["sh", "-c", "sleep 5; mdadm --assemble /dev/md/pair /dev/disk/by-id/virtio-B /dev/disk/by-id/virtio-C"]
background = true

[[step]]
title = "there again, at a later try"
do = "verify"
machine = "one"
groups = ["raid"]
within = "2min"

[[step]]
do = "slow"
machine = "one"
disk = "disk.vdb"
ms = 3000

[[step]]
title = "too slow, which is no failure that may be expected"
do = "homehive"
words = ["disks", "status", "one"]
deadline = "1s"
expect = "fails"
"#;

#[test]
fn in_the_lab_faults_are_played_and_a_step_that_is_broken_off_ends_the_lab() {
    let Some(bench) = Bench::of("mirror", MIRROR) else { return };
    fs::write(bench.path().join("story.toml"), FAULTS).unwrap();
    let output = bench.ask(&["lab", "run", "story.toml", "--report", "report"]);
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let report = fs::read_to_string(bench.path().join("report/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let stages = report["stages"].as_array().unwrap();
    for stage in stages {
        println!("{:6.1} s  {}: {}", stage["seconds"].as_f64().unwrap(), stage["name"], stage["detail"]);
    }
    let failed: Vec<_> = stages.iter().filter(|stage| stage["state"] == "failed").collect();
    assert!(failed.len() == 1 && failed[0]["detail"].as_str().unwrap().contains("within 1 s"), "{failed:?}");
    // Neither what had to fail counts as a failure, nor a try that was repeated.
    assert_eq!(report["summary"]["failed"], 1, "{}", report["verifications"]);
    assert_eq!(report["verifications"].as_array().unwrap().len(), 3);
    let last = stages.last().unwrap();
    assert!(last["name"] == "the lab is taken down" && last["state"] == "passed", "{last}");
    assert!(!Path::new(&bench.path().join("homehive/labs")).read_dir().unwrap().any(|_| true), "the lab is down");
}

#[test]
fn in_the_lab_a_nas_loses_two_disks_and_nothing_else() {
    let Some(bench) = Bench::new(FLEET) else { return };
    let story = format!("{EXAMPLES}/scenarios/nas-loses-two-disks.toml");
    let (answer, _) = bench.tell(&["lab", "run", &story, "--report", "report"]);
    assert!(answer.contains("all good"), "{answer}");
    assert!(bench.path().join("report/junit.xml").exists());
}

/// The main job: blank disks become a NAS, which is hurt, healed and reinstalled. The report stays.
#[test]
fn in_the_lab_blank_disks_become_a_nas_that_gets_over_its_mishaps() {
    let Some(bench) = Bench::new(FLEET) else { return };
    let report = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/homehive-report");
    let (answer, _) = bench.tell(&["lab", "run", "--report", report]);
    println!("{answer}");
    assert!(answer.contains("0 failed"), "{answer}");
}
