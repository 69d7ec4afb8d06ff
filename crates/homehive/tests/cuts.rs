//! The power goes behind chosen steps of the NAS's plan: the next `disks apply` finishes, and what is on the disks then is
//! what an undisturbed run leaves. Real machines of the lab, the real command line.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bench;

use bench::Bench;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Steps by their beginning, as `disks plan` describes them: the array is made, the cache is attached, the last
/// filesystem is made.
const CUTS: [&str; 3] = ["create RAID6 md/nas", "create volume group nas", "make xfs for /data"];

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

#[test]
fn in_the_lab_a_cut_run_ends_like_an_undisturbed_one() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/nas/fleet.toml");
    let Some(bench) = Bench::new(&fs::read_to_string(example).unwrap()) else { return };
    bench.run(&["lab", "up"]);
    let steps: Vec<String> = serde_json::from_value(plan(&bench)["answer"]["lines"].take()).unwrap();
    bench.run(&["--lab", "disks", "apply", "nas"]);
    let undisturbed = disks(&bench);
    bench.run(&["lab", "down"]);
    for cut in CUTS {
        let number =
            1 + steps.iter().position(|step| step.starts_with(cut)).unwrap_or_else(|| panic!("{cut}: {steps:#?}"));
        bench.run(&["lab", "up"]);
        bench.run(&["lab", "fault", "power-cut", "nas", "--after-step", &number.to_string()]);
        bench.run(&["lab", "boot", "nas", "--medium"]);
        bench.run(&["--lab", "disks", "apply", "nas"]);
        assert_eq!(disks(&bench), undisturbed, "cut behind step {number}, {cut}");
        let left = plan(&bench);
        assert_eq!(left["answer"]["plan"]["steps"], Value::Array(Vec::new()), "{cut}");
        bench.run(&["lab", "down"]);
    }
}
