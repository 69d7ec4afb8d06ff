//! Machines whose disks die, in the lab: `examples/layouts/raid6-lvm-xfs.toml` loses two of its six disks and then the power.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bench;

use bench::{Bench, told};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

const SIX: &str = include_str!("../../../examples/layouts/raid6-lvm-xfs.toml");

fn sh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "one", "sudo", "sh", "-c", script])
}

/// Six disks in an array, and a file on it.
fn made() -> Option<Bench> {
    let bench = Bench::new(SIX)?;
    bench.run(&["lab", "up"]);
    fill(&bench);
    Some(bench)
}

fn fill(bench: &Bench) {
    bench.run(&["--lab", "disks", "apply", "one"]);
    sh(bench, "head -c 3000000 /dev/urandom > /mnt/data/file; sha256sum /mnt/data/file > /mnt/data/sum; sync");
}

fn whole(bench: &Bench) {
    sh(bench, "sha256sum --check /mnt/data/sum");
}

/// It is refused; what was told.
fn refused(bench: &Bench, words: &[&str]) -> String {
    let output = bench.ask(words);
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    told(&output)
}

const PLAN: [&str; 4] = ["--lab", "disks", "plan", "one"];
const FORCE: [&str; 6] = ["--lab", "disks", "apply", "one", "--force-start", "mdadm.nas"];

/// Loses the power in the midst of writing to the array.
fn cut_off(bench: &Bench) {
    let write = "dd if=/dev/zero of=/mnt/data/busy bs=64k count=400 oflag=direct conv=notrunc";
    sh(bench, &format!("nohup sh -c 'while :; do {write}; done' >/dev/null 2>&1 & sleep 2"));
    bench.run(&["lab", "fault", "power-cut", "one"]);
}

/// Two of six die, and then the power goes: told, and brought back on request. With a third dead: said, and nothing done.
#[test]
fn in_the_lab_an_array_cut_off_without_two_disks_comes_back_when_asked_for() {
    let Some(bench) = made() else { return };
    bench.run(&["lab", "fault", "dying", "one", "disk.c"]);
    bench.run(&["lab", "fault", "pull", "one", "disk.d"]);
    sh(&bench, "dd if=/dev/urandom of=/mnt/data/busy bs=64k count=400 conv=fsync");
    cut_off(&bench);
    bench.run(&["lab", "fault", "dying", "one", "disk.e"]);
    bench.run(&["lab", "boot", "one", "--medium"]);

    // Three dead: no word helps, and what is left stays as it is.
    let heads = "for name in A B F; do head -c 8192 /dev/disk/by-id/ata-QEMU_HARDDISK_$name | sha256sum; done";
    let before = sh(&bench, heads);
    for words in [&PLAN[..], &FORCE] {
        let text = refused(&bench, words);
        assert!(text.contains("md/nas has 3 of 6 members and does not run with fewer than 4"), "{text}");
        assert!(text.contains("disk.c (serial C), disk.d (serial D), disk.e (serial E)"), "{text}");
    }
    assert_eq!(sh(&bench, heads), before);

    // The third comes to its senses: told why it does not start, and started when that is asked for.
    bench.run(&["lab", "off", "one"]);
    bench.run(&["lab", "fault", "revive", "one", "disk.e"]);
    bench.run(&["lab", "boot", "one", "--medium"]);
    let status = told(&bench.ask(&["--lab", "disks", "status", "one"]));
    assert!(status.contains("it starts only when that is asked for"), "{status}");
    let text = refused(&bench, &["--lab", "disks", "apply", "one"]);
    assert!(
        text.contains("--force-start mdadm.nas") && text.contains("disk.c (serial C), disk.d (serial D)"),
        "{text}"
    );
    let mdstat = sh(&bench, "cat /proc/mdstat");
    assert!(mdstat.contains("inactive"), "nothing was tried: {mdstat}");
    let (_, story) = bench.tell(&FORCE);
    assert!(story.contains("start md/nas by force from 4 members, 2 missing"), "{story}");
    whole(&bench);
    sh(&bench, "udevadm settle --timeout=30");
    let plan = bench.run(&PLAN);
    assert!(plan.contains("nothing to do"), "{plan}");
}

fn disks(fleet: &mut Value) -> &mut serde_json::Map<String, Value> {
    fleet.pointer_mut("/machines/one/storage/disk").and_then(Value::as_object_mut).unwrap()
}

/// A whole disk is replaced while it serves, also if its operator leaves in the midst of it; then a dead one.
#[test]
fn in_the_lab_disks_are_replaced_alive_and_dead() {
    // A seventh disk, which is connected and not declared.
    let seven = SIX.replace(
        "[machines.one.storage.mdadm",
        "[machines.one.storage.disk.g]\nserial = \"G\"\nsize = \"1TiB\"\n\n[machines.one.storage.mdadm",
    );
    let Some(bench) = Bench::new(&seven) else { return };
    bench.run(&["lab", "up"]);
    bench.edit(|fleet| drop(disks(fleet).remove("g")));
    fill(&bench);

    let replace = ["--lab", "disks", "replace", "one", "B", "G"];
    let shown = bench.run(&[&replace[..], &["--dry-run"]].concat());
    assert!(shown.contains("~ disk.b in the fleet file: serial = \"G\""), "{shown}");
    assert!(shown.contains("fill disk.b in md/nas to take the place of"), "{shown}");
    let mut child = bench.command(&replace).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let begun = lines.map(Result::unwrap).inspect(|line| println!("{line}")).any(|line| line.contains("recovery, "));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(begun, "the filling was told of");
    let mdstat = sh(&bench, "cat /proc/mdstat");
    assert!(mdstat.contains("[6/6]") && mdstat.contains("recovery"), "it goes on, and nothing is lost: {mdstat}");
    // By its node, for the fleet file has no B any more.
    let (answer, _) = bench.tell(&["--lab", "disks", "replace", "one", "disk.b", "G"]);
    assert!(answer.contains("disk.b is G, and all is good"), "{answer}");
    bench.edit(|fleet| assert_eq!(disks(fleet)["b"]["serial"], "G"));
    let members = sh(&bench, "mdadm --detail /dev/md127; lsblk -dno NAME,SERIAL");
    assert!(members.contains("State : clean") || members.contains("State : active"), "{members}");
    assert!(!members.contains("faulty"), "the old one is let go: {members}");
    whole(&bench);

    // A dead one, by a new one in its place.
    bench.run(&["lab", "fault", "pull", "one", "disk.c"]);
    sh(&bench, "dd if=/dev/urandom of=/mnt/data/busy bs=64k count=400 conv=fsync");
    bench.run(&["lab", "off", "one"]);
    bench.run(&["lab", "fault", "replace", "one", "disk.c"]);
    bench.run(&["lab", "boot", "one", "--medium"]);
    bench.edit(|fleet| disks(fleet)["c"]["serial"] = "C".into());
    let (answer, story) = bench.tell(&["--lab", "disks", "replace", "one", "disk.c", "C-R1"]);
    assert!(answer.contains("disk.c is C-R1, and all is good"), "{answer}");
    assert!(story.contains("add disk.c to md/nas") && story.contains("left"), "{story}");
    whole(&bench);
    assert!(bench.run(&PLAN).contains("nothing to do"));
}
