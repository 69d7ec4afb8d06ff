//! The power goes behind steps of the NAS's plan, and at any moment within them, and takes with it what the drives had not
//! flushed: the next `disks apply` finishes, and what is on the disks then is what an undisturbed run leaves. Real machines of
//! the lab, the real command line.
//!
//! `HOMEHIVE_CUTS` says how many moments are tried (1 if unset), `HOMEHIVE_CUT_SEED` the seed of the first (1 if unset): a seed
//! says the moment, and what is lost. With `HOMEHIVE_CUTS=all` every step is cut behind, and 200 moments are tried.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "../bench/mod.rs"]
mod bench;

use bench::Bench;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Steps by their beginning, as `disks plan` describes them: the array is made, the cache is attached.
const CUTS: [&str; 2] = ["create RAID6 md/nas", "create volume group nas"];

/// What an undisturbed run came to.
struct Undisturbed {
    /// Its steps as they are described.
    steps: Vec<String>,
    /// What is on the disks then.
    disks: Vec<String>,
    /// How long applying took.
    took: Duration,
}

fn plan(bench: &Bench) -> Value {
    serde_json::from_str(&bench.run(&["--lab", "--json", "disks", "plan", "nas"])).unwrap()
}

/// What is on the disks, without what differs between two runs of the same story: kernel names, counters, progress.
fn disks(bench: &Bench) -> Vec<String> {
    let answer: Value = serde_json::from_str(&bench.run(&["--lab", "--json", "probe", "nas"])).unwrap();
    let mut disks: Vec<String> = Vec::new();
    for device in answer["answer"]["devices"].as_array().unwrap() {
        let mut content = device["content"].clone();
        if let Some(fields) = content.as_object_mut() {
            fields.remove("events");
        }
        disks.push(format!("{} {} {content}", device["size"], device["partition"]));
    }
    for group in answer["answer"]["groups"].as_array().unwrap() {
        let volumes = group["volumes"].as_array().unwrap();
        let volumes =
            volumes.iter().map(|it| format!("{} {} {} {}", it["name"], it["uuid"], it["size"], it["segment"]));
        let mut volumes: Vec<_> = volumes.filter(|volume| !volume.contains("_wcorig")).collect();
        volumes.sort();
        disks.push(format!("{} {} {}", group["name"], group["uuid"], volumes.join(", ")));
    }
    disks.sort();
    disks
}

fn nas() -> Option<Bench> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/nas/fleet.toml");
    Bench::new(&fs::read_to_string(example).unwrap())
}

fn undisturbed(bench: &Bench) -> Undisturbed {
    bench.run(&["lab", "up"]);
    let steps: Vec<String> = serde_json::from_value(plan(bench)["answer"]["lines"].take()).unwrap();
    let begun = Instant::now();
    bench.run(&["--lab", "disks", "apply", "nas"]);
    let took = begun.elapsed();
    let disks = disks(bench);
    bench.run(&["lab", "down"]);
    Undisturbed { steps, disks, took }
}

/// What is on the disks once the machine was switched on again and its plan applied to the end.
fn resumed(bench: &Bench) -> (Vec<String>, Value) {
    bench.run(&["lab", "boot", "nas", "--medium"]);
    bench.run(&["--lab", "disks", "apply", "nas"]);
    let (disks, left) = (disks(bench), plan(bench)["answer"]["plan"]["steps"].take());
    bench.run(&["lab", "down"]);
    (disks, left)
}

fn wanted(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_all() -> bool {
    wanted("HOMEHIVE_CUTS").as_deref() == Some("all")
}

#[test]
fn in_the_lab_a_cut_run_ends_like_an_undisturbed_one() {
    let Some(bench) = nas() else { return };
    let undisturbed = undisturbed(&bench);
    behind_steps(&bench, &undisturbed);
    at_any_moment(&bench, &undisturbed);
}

fn behind_steps(bench: &Bench, undisturbed: &Undisturbed) {
    let steps = &undisturbed.steps;
    let number = |cut: &str| {
        1 + steps.iter().position(|step| step.starts_with(cut)).unwrap_or_else(|| panic!("{cut}: {steps:#?}"))
    };
    let chosen: Vec<usize> = if is_all() { (1..=steps.len()).collect() } else { CUTS.map(number).into() };
    for (seed, number) in (1..).zip(chosen) {
        bench.run(&["lab", "up"]);
        let (behind, seed) = (number.to_string(), seed.to_string());
        let told =
            bench.run(&["lab", "fault", "power-cut", "nas", "--after-step", &behind, "--lose", "all", "--seed", &seed]);
        println!("{told}");
        let (disks, left) = resumed(bench);
        assert_eq!(disks, undisturbed.disks, "cut behind step {number}, {}", steps[number - 1]);
        assert_eq!(left, Value::Array(Vec::new()), "cut behind step {number}, {}", steps[number - 1]);
    }
}

/// The numbers that follow from a seed: each draw another one, the same every time (`SplitMix64`).
fn draws(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % below
    }
}

fn at_any_moment(bench: &Bench, undisturbed: &Undisturbed) {
    let (undisturbed, took) = (&undisturbed.disks, undisturbed.took);
    let count = if is_all() { 200 } else { wanted("HOMEHIVE_CUTS").map_or(1, |text| text.parse().unwrap()) };
    let first: u64 = wanted("HOMEHIVE_CUT_SEED").map_or(1, |text| text.parse().unwrap());
    let mut wrong = Vec::new();
    for seed in first..first + count {
        let mut draw = draws(seed);
        let moment = took * u32::try_from(draw(1000)).unwrap() / 1000;
        let lose = ["some", "some", "some", "torn", "all"][usize::try_from(draw(5)).unwrap()];
        bench.run(&["lab", "up"]);
        let mut applying =
            bench.command(&["--lab", "disks", "apply", "nas"]).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment);
        let cut = bench.run(&["lab", "fault", "power-cut", "nas", "--lose", lose, "--seed", &seed.to_string()]);
        let finished = applying.wait().unwrap().success();
        println!(
            "seed {seed}: after {:.1} s, losing {lose}, finished before: {finished}: {}",
            moment.as_secs_f64(),
            cut.lines().next().unwrap()
        );
        let resumed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| resumed(bench)));
        match resumed {
            Ok((disks, left)) if disks == *undisturbed && left == Value::Array(Vec::new()) => {}
            Ok((disks, left)) => {
                wrong.push(format!("seed {seed}: {disks:#?} instead of {undisturbed:#?}, left {left}"));
            }
            Err(_) => {
                wrong.push(format!("seed {seed}: the next run does not go on, see above"));
                let _ = bench.ask(&["lab", "down"]);
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cuts:\n{}", wrong.len(), wrong.join("\n"));
}
