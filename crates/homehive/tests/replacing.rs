//! Machines whose disks die, in the lab: `examples/layouts/raid6-lvm-xfs.toml` loses two of its six disks and then the power.

mod bench;

use bench::{Bench, told};

const SIX: &str = include_str!("../../../examples/layouts/raid6-lvm-xfs.toml");

fn sh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "one", "sudo", "sh", "-c", script])
}

/// Six disks in an array, and a file on it.
fn made() -> Option<Bench> {
    let bench = Bench::new(SIX)?;
    bench.run(&["lab", "up"]);
    bench.run(&["--lab", "disks", "apply", "one"]);
    sh(&bench, "head -c 3000000 /dev/urandom > /mnt/data/file; sha256sum /mnt/data/file > /mnt/data/sum; sync");
    Some(bench)
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
