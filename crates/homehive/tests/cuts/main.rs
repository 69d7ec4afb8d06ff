//! The power goes behind steps of the NAS's plan, and at any moment: while its disks are made, while it is installed anew over
//! data that stay, while somebody writes. It takes with it what the drives had not flushed. The next `disks apply` finishes;
//! what is on the disks then is what an undisturbed run leaves, with nothing left to do, and every file that was made sure of
//! is there, whole. Behind a step it does what the machine of the planner's laws (`storage/tests/laws/world`) does then: that
//! one is held to the lab's here. Real machines of the lab, the real command line.
//!
//! | variable | unset | else |
//! |---|---|---|
//! | `HOMEHIVE_CUTS` | none but one under writes, behind the steps | how many moments are tried; `all`: 200, and every step |
//! | `HOMEHIVE_CUT_SEED` | 1 | the seed of the first moment: it says the kind, the moment, and what is lost |
//! | `HOMEHIVE_CUT_STEPS` | two steps, all with `HOMEHIVE_CUTS=all` | `7`, `5-12`: behind which steps |
//! | `HOMEHIVE_CUT_LINES` | | a file (its whole path) that each cut adds its line to, and of which the table is made: runs can be made in pieces, and beside each other |

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "../bench/mod.rs"]
mod bench;
mod files;
mod model;
mod moment;
mod seen;
mod tally;
#[expect(dead_code, reason = "the laws want more of it")]
#[path = "../../../storage/tests/laws/world/mod.rs"]
mod world;

use bench::Bench;
use files::{Files, Missing, Writer, write};
use model::Model;
use moment::{Kind, Moment};
use seen::{Seen, seen};
use serde_json::Value;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tally::{Cut, End, Tally};

/// Steps by their beginning, as `disks plan` describes them: the array is made, the cache is attached.
const CUTS: [&str; 2] = ["create RAID6 md/nas", "create volume group nas"];
/// How many moments are all.
const ALL: u64 = 200;
/// How long somebody writes, at most.
const WRITING: Duration = Duration::from_secs(6);
/// How many files lie on the machine beforehand.
const KEPT: u32 = 24;
/// How long the array may take until all of its members are in step.
const IN_STEP: &str = "timeout 300 sh -c 'while grep -q resync /proc/mdstat; do sleep 0.5; done'";

fn wanted(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_all() -> bool {
    wanted("HOMEHIVE_CUTS").as_deref() == Some("all")
}

fn example() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/nas/fleet.toml")).unwrap()
}

/// The same machine, but that its memory can be kept, which QEMU cannot with an NVMe disk; and with smaller disks in its
/// array, which come in step sooner and are too small for the shares.
fn quick() -> String {
    let (nvme, sata) = ("serial = \"S4EWNX0R512347K\"", "serial = \"WD-");
    let whole = example();
    let (example, _) = whole.split_once("[shares.timemachine]").unwrap();
    assert!(example.contains(nvme) && example.contains(sata), "{example}");
    let example = example.replace(nvme, &format!("{nvme}\ndevice = \"/dev/disk/by-id/virtio-S4EWNX0R512347K\""));
    example.replace(sata, &format!("size = \"1GiB\"\n{sata}"))
}

fn sh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "nas", "--", "sh", "-c", script])
}

/// Cuts the power: how many writes were not flushed, and how many of them are forgotten.
fn cut(bench: &Bench, behind: &[&str], lose: &str, seed: u64) -> (u64, u64) {
    let seed = seed.to_string();
    let told = bench.run(&[&["lab", "fault", "power-cut", "nas", "--lose", lose, "--seed", &seed], behind].concat());
    counts(&told)
}

/// `of 225 writes that were not flushed it took 124`.
fn counts(told: &str) -> (u64, u64) {
    let number = |before: &str| {
        let (_, rest) = told.split_once(before).unwrap_or_else(|| panic!("{told}"));
        rest.split(|other: char| !other.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    (number("; of "), number("not flushed it took "))
}

/// What is to come of a cut.
struct Expected<'a> {
    /// What is on the disks.
    disks: &'a [String],
    /// What the next run may do, sorted; where that is known.
    steps: Option<Vec<Vec<String>>>,
    files: &'a Files,
}

/// Switches the machine on again and types the same once more: how that ends, and what is missing of the files.
fn resume(bench: &Bench, kind: Kind, expected: &Expected) -> (End, Missing) {
    let resumed = catch_unwind(AssertUnwindSafe(|| {
        bench.run(&["lab", "boot", "nas", "--medium"]);
        let steps = steps_done(&bench.run(&[&["--json"], kind.apply()].concat()));
        let Seen { disks, left } = seen(bench);
        let same = disks == expected.disks
            && left.is_empty()
            && expected.steps.as_ref().is_none_or(|any| any.contains(&steps));
        if !same {
            let Expected { disks: others, steps: other, .. } = expected;
            println!("{disks:#?} instead of {others:#?}, left {left:#?}; did {steps:#?}, none of {other:#?}");
        }
        (if same { End::Same } else { End::Differs }, expected.files.missing_on(bench))
    }));
    resumed.unwrap_or((End::Stuck, Missing { lost: expected.files.count(), late: 0 }))
}

/// The steps that `disks apply --json` tells of, sorted.
fn steps_done(answer: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let done = answer["answer"]["done"].as_array().unwrap();
    model::work(done.iter().map(|step| step["text"].as_str().unwrap().to_owned()))
}

/// What the plan for blank disks does, step by step.
fn steps(bench: &Bench) -> Vec<String> {
    let mut plan: Value = serde_json::from_str(&bench.run(&["--lab", "--json", "disks", "plan", "nas"])).unwrap();
    serde_json::from_value(plan["answer"]["lines"].take()).unwrap()
}

/// Applies without any disturbance: what is on the disks then, and how long it took.
fn undisturbed(bench: &Bench, kind: Kind) -> (Vec<String>, Duration) {
    let begun = Instant::now();
    bench.run(kind.apply());
    let took = begun.elapsed();
    let Seen { disks, left } = seen(bench);
    assert!(left.is_empty(), "{left:#?}");
    (disks, took)
}

/// The numbers of the steps to cut behind.
fn chosen(steps: &[String]) -> Vec<usize> {
    let number = |cut: &str| {
        1 + steps.iter().position(|step| step.starts_with(cut)).unwrap_or_else(|| panic!("{cut}: {steps:#?}"))
    };
    match wanted("HOMEHIVE_CUT_STEPS") {
        None if is_all() => (1..=steps.len()).collect(),
        None => CUTS.map(number).into(),
        Some(range) => {
            let (first, last) = range.split_once('-').unwrap_or((&range, &range));
            (first.parse().unwrap()..=last.parse::<usize>().unwrap().min(steps.len())).collect()
        }
    }
}

#[test]
fn in_the_lab_a_run_cut_behind_a_step_ends_like_an_undisturbed_one() {
    let Some(bench) = Bench::new(&example()) else { return };
    bench.run(&["lab", "up"]);
    let (steps, model) = (steps(&bench), Model::of(&bench));
    let (disks, _) = undisturbed(&bench, Kind::Step);
    let mut tally = Tally::default();
    for number in chosen(&steps) {
        println!("behind step {number}, {}", steps[number - 1]);
        bench.run(&["lab", "down"]);
        bench.run(&["lab", "up"]);
        let seed = u64::try_from(number).unwrap();
        let moment = Moment { seed, kind: Kind::Step, share: 0, lose: "all" };
        let counts = cut(&bench, &["--after-step", &number.to_string()], moment.lose, seed);
        let journal = bench.lab_fleet().with_file_name(".homehive/journal/nas.jsonl");
        let (steps, files) = (Some(model.rests(&journal)), &Files::default());
        let ended = resume(&bench, Kind::Step, &Expected { disks: &disks, steps, files });
        tally.add(told(moment, Duration::ZERO, counts, &Files::default(), ended));
    }
    // The machine is finished, and its filesystems are mounted.
    let moment = Moment { seed: 0, kind: Kind::Writes, share: 500, lose: "some" };
    tally.add(writes(&bench, moment, &disks, &Files::default()));
    tally.close();
}

#[test]
fn in_the_lab_a_cut_at_any_moment_loses_nothing() {
    let count = match wanted("HOMEHIVE_CUTS") {
        None => return eprintln!("skipped: HOMEHIVE_CUTS does not say how many moments are to be tried"),
        Some(_) if is_all() => ALL,
        Some(count) => count.parse().unwrap(),
    };
    let Some(bench) = Bench::new(&quick()) else { return };
    let ready = Ready::prepare(&bench);
    let first: u64 = wanted("HOMEHIVE_CUT_SEED").map_or(1, |text| text.parse().unwrap());
    let mut tally = Tally::default();
    for seed in first..first + count {
        let moment = Moment::of(seed);
        tally.add(match moment.kind {
            Kind::Step | Kind::Apply => ready.applying(moment, "blank", ready.apply, &Files::default()),
            Kind::Reinstall => ready.applying(moment, "whole", ready.reinstall, &ready.kept),
            Kind::Writes => {
                ready.go_back("mounted");
                writes(&bench, moment, &ready.disks, &ready.kept)
            }
        });
    }
    tally.close();
}

/// What the moments start from: snapshots of a machine with blank disks, of a finished one with files on it, and of that with
/// nothing mounted.
struct Ready<'a> {
    bench: &'a Bench,
    /// What an undisturbed run leaves on the disks.
    disks: Vec<String>,
    /// How long it takes on blank disks, and how long a reinstall takes.
    apply: Duration,
    reinstall: Duration,
    /// The files.
    kept: Files,
}

impl<'a> Ready<'a> {
    fn prepare(bench: &'a Bench) -> Self {
        bench.run(&["lab", "up"]);
        bench.run(&["lab", "snapshot", "save", "blank"]);
        let (disks, apply) = undisturbed(bench, Kind::Apply);
        let kept = write(bench, 0, KEPT);
        sh(bench, IN_STEP);
        bench.run(&["lab", "snapshot", "save", "mounted"]);
        sh(bench, "umount --recursive /mnt");
        bench.run(&["lab", "snapshot", "save", "whole"]);
        let (anew, reinstall) = undisturbed(bench, Kind::Reinstall);
        assert_eq!(anew, disks, "a reinstall ends like an installation");
        assert_eq!(kept.missing_on(bench), Missing::default(), "a reinstall keeps what is persistent");
        Self { bench, disks, apply, reinstall, kept }
    }

    /// Back to a snapshot; what the journal tells is of disks that are no more.
    fn go_back(&self, to: &str) {
        self.bench.run(&["lab", "snapshot", "restore", to]);
        let notes = self.bench.lab_fleet().with_file_name(".homehive");
        if notes.exists() {
            fs::remove_dir_all(notes).unwrap();
        }
    }

    /// The power goes while the disks are made as wished.
    fn applying(&self, moment: Moment, from: &str, took: Duration, files: &Files) -> Cut {
        let Moment { seed, kind, lose, .. } = moment;
        self.go_back(from);
        let mut applying = self.bench.command(kind.apply()).stderr(Stdio::null()).spawn().unwrap();
        let at = moment.within(took);
        sleep(at);
        let counts = cut(self.bench, &[], lose, seed);
        // It would wait for an answer of the machine for a minute.
        let finished = applying.try_wait().unwrap().is_some_and(|status| status.success());
        applying.kill().unwrap();
        applying.wait().unwrap();
        println!("finished before: {finished}");
        let expected = Expected { disks: &self.disks, steps: None, files };
        told(moment, at, counts, files, resume(self.bench, kind, &expected))
    }
}

/// The power goes while somebody writes; `kept` was there before.
fn writes(bench: &Bench, moment: Moment, disks: &[String], kept: &Files) -> Cut {
    let writer = Writer::begin(bench, moment.seed);
    let at = moment.within(WRITING);
    sleep(at);
    let counts = cut(bench, &[], moment.lose, moment.seed);
    let files = kept.and(writer.end());
    let ended = resume(bench, moment.kind, &Expected { disks, steps: None, files: &files });
    told(moment, at, counts, &files, ended)
}

/// What became of a cut.
fn told(moment: Moment, at: Duration, counts: (u64, u64), files: &Files, ended: (End, Missing)) -> Cut {
    let Moment { seed: number, kind, lose, .. } = moment;
    let (at, lose, (unflushed, forgotten)) = (at.as_secs_f64(), lose.to_owned(), counts);
    let ((end, Missing { lost, late }), files, bytes) = (ended, files.count(), files.bytes());
    Cut { kind, number, at, lose, unflushed, forgotten, files, bytes, lost, late, end }
}

#[test]
fn what_a_cut_tells() {
    let told =
        "the power of nas is cut; of 225 writes that were not flushed it took 124 (--lose some --seed 8)\nnext: x";
    assert_eq!(counts(told), (225, 124));
}
