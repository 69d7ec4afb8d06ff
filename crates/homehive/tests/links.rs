//! Faults between machines, by the real command line: what one machine of the lab says to another is lost, late, or passes.

mod bench;

use bench::{Bench, told};
use std::fmt::Write as _;

/// Two machines with one small disk each.
fn fleet() -> String {
    let mut text = String::from(
        "[fleet]\nname = \"pair\"\nnixpkgs = \"github:NixOS/nixpkgs/nixos-26.05\"\n\n[admin]\nuser = \"ben\"\n\
         keys = [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO ben@laptop\"]\n\n\
         [network]\nsubnet = \"192.168.1.0/24\"\ngateway = \"192.168.1.1\"\n",
    );
    for (name, last) in [("one", 11), ("two", 12)] {
        let serial = name.to_uppercase();
        let _ = write!(
            text,
            "\n[machines.{name}]\naddress = \"192.168.1.{last}\"\n\n[machines.{name}.storage.disk.vda]\n\
             device = \"/dev/disk/by-id/virtio-{serial}\"\nserial = \"{serial}\"\n\
             content = {{ type = \"mbr\", bootable = true, partitions.root = {{ content = {{ type = \"filesystem\", \
             format = \"ext4\", mountpoint = \"/\" }} }} }}\n"
        );
    }
    text
}

fn sh(bench: &Bench, machine: &str, script: &str) -> String {
    bench.run(&["lab", "ssh", machine, "sh", "-c", script])
}

/// How many of `sent` pings from the one to the other come back, and the time that they take on average (ms).
fn ping(bench: &Bench, sent: usize) -> (usize, f64) {
    let said = sh(bench, "one", &format!("busybox ping -c {sent} -i 0.2 -W 2 10.9.9.2 || true"));
    println!("{said}");
    let number = |before: &str| said.split(before).next().and_then(|text| text.split_whitespace().last());
    let back = number(" packets received").map_or(0, |text| text.parse().unwrap_or(0));
    let average = said.split("min/avg/max = ").nth(1).and_then(|text| text.split('/').nth(1));
    (back, average.map_or(0.0, |text| text.parse().unwrap_or(0.0)))
}

#[test]
fn in_the_lab_what_passes_between_two_machines_suffers_and_is_well_again() {
    let Some(bench) = Bench::new(&fleet()) else { return };
    bench.run(&["lab", "up"]);
    for (machine, last) in [("one", 1), ("two", 2)] {
        sh(&bench, machine, &format!("ip address add 10.9.9.{last}/24 dev eth1 && ip link set eth1 up"));
    }
    let link = |words: &[&str]| bench.run(&[&["lab", "fault", "link", "one", "two"], words].concat());
    // The first may wait for the address to be asked for.
    ping(&bench, 3);
    let (back, well) = ping(&bench, 10);
    assert_eq!(back, 10, "nothing is wrong yet");

    link(&["--cut"]);
    assert_eq!(ping(&bench, 5).0, 0);
    let status = bench.run(&["lab", "status"]);
    assert!(status.contains("link one → two: cut") && status.contains("link two → one: cut"), "{status}");
    // The way of this computer to the machines is another one.
    sh(&bench, "two", "true");

    link(&["--well"]);
    link(&["--delay", "300ms", "--one-way"]);
    let (back, late) = ping(&bench, 5);
    assert!(back == 5 && late >= well + 250.0, "300 ms: {well} -> {late}");
    let status = bench.run(&["lab", "status"]);
    assert!(status.contains("link one → two") && !status.contains("link two → one"), "{status}");
    link(&["--delay", "300ms"]);
    let (back, late) = ping(&bench, 5);
    assert!(back == 5 && late >= well + 550.0, "twice 300 ms: {well} -> {late}");

    link(&["--loss", "40%"]);
    let (back, _) = ping(&bench, 50);
    // 0.6 × 0.6 of them come back: 18 of 50; six standard deviations are 20.
    assert!((1..=38).contains(&back), "{back} of 50");

    link(&["--well"]);
    let (back, again) = ping(&bench, 10);
    assert!(back == 10 && again < late - 300.0, "{back} {again}");
    assert!(!bench.run(&["lab", "status"]).contains("link one"));

    let refused = bench.ask(&["lab", "fault", "link", "one", "three", "--cut"]);
    assert_eq!(refused.status.code(), Some(4), "{}", told(&refused));
    assert!(told(&refused).contains("the lab has no machine `three`; it has: one, two"), "{}", told(&refused));
    assert_eq!(bench.ask(&["lab", "fault", "link", "one", "two"]).status.code(), Some(2), "how is not said");
}
