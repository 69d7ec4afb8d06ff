//! Snapshots of a lab whose machines run, by the real command line: memory, disks and what the disks' caches held come back,
//! in a fraction of the time of a boot.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bench;

use bench::{Bench, told};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// One machine with a paravirtual disk, whose memory can be kept, and one with an NVMe disk, whose memory cannot.
const MACHINES: &str = r#"
[machines.one]
address = "192.168.1.11"

[machines.one.storage.disk.vda]
device = "/dev/disk/by-id/virtio-ONE"
serial = "ONE"
content = { type = "mbr", bootable = true, partitions.root = { content = { type = "filesystem", format = "ext4", mountpoint = "/" } } }

[machines.two]
address = "192.168.1.12"

[machines.two.storage.disk.nvme]
device = "/dev/disk/by-id/nvme-TWO"
serial = "TWO"
content = { type = "mbr", bootable = true, partitions.root = { content = { type = "filesystem", format = "ext4", mountpoint = "/" } } }
"#;

fn sh(bench: &Bench, machine: &str, script: &str) -> String {
    bench.run(&["lab", "ssh", machine, "sh", "-c", script])
}

/// So many seconds.
fn timed(what: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    what();
    begun.elapsed().as_secs_f64()
}

/// Types a line into the debug shell of the one, and waits for what it is to print; then leaves it.
fn shell(bench: &Bench, line: &str, prints: &str) -> bool {
    let mut command = bench.command(&["lab", "shell", "one"]);
    let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut to, mut from) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
    to.write_all(format!("\r{line}\r").as_bytes()).unwrap();
    let (mut said, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        said.extend_from_slice(&buffer[..count]);
        if String::from_utf8_lossy(&said).contains(prints) {
            // Ctrl-], as a person leaves.
            to.write_all(&[0x1d]).unwrap();
            return shell.wait().unwrap().success();
        }
    }
    shell.wait().unwrap();
    println!("{}", String::from_utf8_lossy(&said));
    false
}

/// Saves over `busy`, and types Ctrl-C in the middle of it.
fn break_off(bench: &Bench) {
    let mut save = bench.command(&["lab", "snapshot", "save", "busy"]).stderr(Stdio::piped()).spawn().unwrap();
    let begun = || {
        let labs = bench.path().join("homehive/snapshots").read_dir().unwrap();
        labs.flatten().any(|lab| lab.path().join(".busy.new/machines/.one/memory").exists())
    };
    while !begun() {
        assert!(save.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&save), Signal::INT).unwrap();
    let output = save.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    assert!(told(&output).contains("interrupted: nothing is saved"), "{}", told(&output));
}

#[test]
fn in_the_lab_machines_go_on_where_a_snapshot_was_taken() {
    let Some(bench) = Bench::of("kept", MACHINES) else { return };
    assert_eq!(bench.run(&["lab", "snapshot", "list"]), "no snapshots of this lab\n");
    let boot = timed(|| drop(bench.run(&["lab", "up"]))) / 2.0;

    // The debug shell answers while something else runs.
    let mut busy = bench.command(&["lab", "ssh", "one", "sleep", "20"]).stdin(Stdio::null()).spawn().unwrap();
    assert!(shell(&bench, "echo in-$((6 * 7))-shell", "in-42-shell"));
    assert!(busy.try_wait().unwrap().is_none(), "it ran meanwhile");
    busy.kill().unwrap();
    busy.wait().unwrap();

    // An NVMe disk: nothing is kept, and the machine goes on.
    let refused = bench.ask(&["lab", "snapshot", "save", "both"]);
    assert_eq!(refused.status.code(), Some(4), "{}", told(&refused));
    assert!(told(&refused).contains("nvme") && told(&refused).contains("homehive lab off two"), "{}", told(&refused));
    assert_eq!(bench.run(&["lab", "snapshot", "list"]), "no snapshots of this lab\n");
    sh(&bench, "two", "true");
    bench.run(&["lab", "off", "two"]);

    // In memory, in the disk's cache, and a process in the midst of its work.
    let mark = "set -e; echo kept > /run/mark; yes unflushed | head -c 1M | dd of=/dev/disk/by-id/virtio-ONE seek=8 bs=1M oflag=direct \
                iflag=fullblock status=none; (while sleep 0.2; do echo >> /run/beat; done) >/dev/null 2>&1 </dev/null &";
    sh(&bench, "one", mark);
    let look = "cat /proc/sys/kernel/random/boot_id /run/mark; dd if=/dev/disk/by-id/virtio-ONE skip=8 bs=1M count=1 iflag=direct \
                status=none | sha256sum";
    let before = sh(&bench, "one", look);
    let saved = bench.run(&["lab", "snapshot", "save", "busy"]);
    assert!(saved.contains("disks, and the memory of one"), "{saved}");

    // It goes on; what happens now is undone.
    sh(
        &bench,
        "one",
        "rm /run/mark; dd if=/dev/zero of=/dev/disk/by-id/virtio-ONE bs=1M count=16 oflag=direct conv=fsync status=none",
    );
    bench.run(&["lab", "fault", "power-cut", "one", "--lose", "all"]);
    bench.run(&["lab", "fault", "link", "one", "two", "--cut"]);
    let restore = timed(|| drop(bench.run(&["lab", "snapshot", "restore", "busy"])));
    assert_eq!(sh(&bench, "one", look), before);
    let beats = sh(&bench, "one", "wc -l < /run/beat; sleep 2; wc -l < /run/beat");
    let beats: Vec<u32> = beats.lines().map(|line| line.parse().unwrap()).collect();
    assert!(beats[0] > 0 && beats[1] > beats[0], "the process goes on: {beats:?}");
    println!("a boot: {boot:.1} s; back to the snapshot: {restore:.1} s; {:.1} times as fast", boot / restore);
    assert!(restore * 2.0 < boot, "{restore:.1} s for what a boot does in {boot:.1} s");

    let status = bench.run(&["lab", "status"]);
    assert!(!status.contains("link"), "bad links are over: {status}");

    // Broken off, the machine goes on, and the older snapshot is as it was.
    break_off(&bench);
    sh(&bench, "one", "true");
    assert_eq!(bench.run(&["lab", "snapshot", "list"]), "busy: disks, and the memory of one\n");

    // The snapshot outlives the lab, and is for all of its machines.
    bench.run(&["lab", "down"]);
    let unfit = bench.ask(&["lab", "up", "one", "--from", "busy"]);
    assert_eq!(unfit.status.code(), Some(2), "{}", told(&unfit));
    assert!(bench.run(&["lab", "status"]).contains("no lab"), "nothing was made");
    assert_eq!(bench.run(&["lab", "snapshot", "list"]), "busy: disks, and the memory of one\n");
    bench.run(&["lab", "up", "--from", "busy"]);
    assert_eq!(sh(&bench, "one", look), before);
    assert!(bench.run(&["lab", "status"]).contains("two: off"));
    let unknown = bench.ask(&["lab", "snapshot", "restore", "lazy"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", told(&unknown));
    assert!(told(&unknown).contains("saved: busy"), "{}", told(&unknown));
}
