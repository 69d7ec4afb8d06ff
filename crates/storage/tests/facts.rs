//! What the probe printed on real machines of the lab, parsed; and that no output makes the parser fall.

use proptest::prelude::*;
use std::fs;
use storage::facts::{Content, Facts, FactsError, MemberState};
use storage::probe;

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn facts(name: &str) -> Facts {
    probe::parse(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every state that was captured.
const STATES: [&str; 15] = [
    "blank", "foreign", "tables", "mkfs-cut", "pvs", "volumes", "complete", "failed", "replaced", "rebuilding",
    "no-cache", "inactive", "missing", "rebooted", "swapped",
];

/// One line a thing, so that a difference is seen.
fn drawn(facts: &Facts) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let _ = writeln!(text, "machine {}", json(&facts.machine));
    for device in &facts.devices {
        let _ = writeln!(text, "device {}", json(device));
    }
    for array in &facts.arrays {
        let _ = writeln!(text, "array {}", json(array));
    }
    for group in &facts.groups {
        let _ = writeln!(text, "group {}", json(group));
    }
    for mount in &facts.mounts {
        let _ = writeln!(text, "mount {}", json(mount));
    }
    let _ = writeln!(text, "swaps {:?}", facts.swaps);
    text
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn every_state_as_facts() {
    for state in STATES {
        insta::assert_snapshot!(state, drawn(&facts(state)));
    }
}

#[test]
fn facts_survive_json() {
    for state in STATES {
        let facts = facts(state);
        let text = serde_json::to_string_pretty(&facts).unwrap();
        assert_eq!(Facts::from_json(&text), Ok(facts), "{state}");
    }
}
