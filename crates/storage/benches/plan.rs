//! How long planning takes for a machine of 60 disks in four RAID6 groups of 15: from blank, with nothing to do, and after a boot. Reading
//! the same facts from JSON is what it is compared with.

#![expect(clippy::disallowed_types, clippy::unwrap_used, reason = "a benchmark reads the clock")]
#![allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes,
    reason = "it takes the part of the laws' world that it needs"
)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/laws/world/mod.rs"]
mod world;

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};
use storage::facts::Facts;
use storage::plan;
use storage::plan::Consent;
use world::{World, disk};

const GROUPS: usize = 4;
const DISKS: usize = 15;
const TIMES: usize = 101;

fn main() {
    let mut text = String::new();
    let mut disks = Vec::new();
    for group in 0..GROUPS {
        let _ = writeln!(text, "[mdadm.g{group}]\nlevel = 6\ncontent = {{ type = \"lvm_pv\", vg = \"vg{group}\" }}");
        let content = format!("{{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/data{group}\" }}");
        let _ = writeln!(text, "[lvm_vg.vg{group}.lvs.data]\nsize = \"end\"\ncontent = {content}");
        for at in 0..DISKS {
            let serial = format!("S{group}-{at}");
            let content = format!("{{ type = \"mdraid\", name = \"g{group}\" }}");
            let _ = writeln!(text, "[disk.g{group}d{at}]\nserial = \"{serial}\"\ncontent = {content}");
            disks.push(disk(&format!("sd{group}x{at}"), &serial, 4_000_787_030_016));
        }
    }
    let wish = common::wish(&text);
    let mut world = World::new(disks);
    let none = Consent::default();
    let blank = world.seen();
    world.converge(&wish, Consent::default());
    let whole = world.seen();
    world.reboot();
    let rebooted = world.seen();
    let (made, idle) = (plan(&wish, &blank, &none), plan(&wish, &whole, &none));
    assert!(made.steps.len() > GROUPS * 2 && made.refusals.is_empty() && idle.is_empty());
    println!("{} disks, medians of {TIMES}: facts, plan, facts read from JSON, plan/JSON", GROUPS * DISKS);
    for (name, facts) in [("blank", &blank), ("nothing to do", &whole), ("after a boot", &rebooted)] {
        let json = serde_json::to_string(facts).unwrap();
        let planned = median(|| drop(black_box(plan(black_box(&wish), black_box(facts), &none))));
        let read = median(|| drop(black_box(Facts::from_json(black_box(&json)).unwrap())));
        let ratio = planned.as_secs_f64() / read.as_secs_f64();
        println!("{name:13}  {:7.3} ms  {:7.3} ms  {ratio:5.2}", milliseconds(planned), milliseconds(read));
    }
}

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn median(run: impl Fn()) -> Duration {
    let mut spans: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed()
        })
        .collect();
    spans.sort();
    spans[TIMES / 2]
}
