//! What is on the disks of a machine, and what its plan would still do.

use super::bench::Bench;
use serde_json::Value;
use std::fs;

/// What a machine shows that is looked at once.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is on its disks.
    pub disks: Vec<String>,
    /// The steps of the next plan.
    pub left: Vec<Value>,
}

/// Looks, and plans from what was seen.
pub fn seen(bench: &Bench) -> Seen {
    let answer = bench.run(&["--lab", "--json", "probe", "nas"]);
    let facts = bench.path().join("facts.json");
    fs::write(&facts, &answer).unwrap();
    let plan = bench.run(&["--lab", "--json", "disks", "plan", "nas", "--facts", facts.to_str().unwrap()]);
    let mut plan: Value = serde_json::from_str(&plan).unwrap();
    let left = plan["answer"]["plan"]["steps"].take();
    Seen { disks: disks(&serde_json::from_str(&answer).unwrap()), left: left.as_array().unwrap().clone() }
}

/// What is on the disks, without what differs between two runs of the same story: kernel names, counters, progress (how far
/// an array is in step, and what the cache has brought to the device behind it).
fn disks(answer: &Value) -> Vec<String> {
    let mut disks: Vec<String> = Vec::new();
    let behind = |device: &Value| device["path"].as_str().unwrap().ends_with("_wcorig");
    for device in answer["answer"]["devices"].as_array().unwrap().iter().filter(|device| !behind(device)) {
        let mut content = device["content"].clone();
        if let Some(fields) = content.as_object_mut() {
            fields.remove("events");
            fields.remove("dirty");
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
