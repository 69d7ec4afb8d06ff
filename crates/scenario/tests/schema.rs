//! The examples fit the schema, and what the decoder refuses in structure the schema refuses too. That the checked-in schema
//! is in step is `homehive`'s test.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads its fixtures")]

use document::Format;
use scenario::Draft;
use serde_json::{Value, json};
use std::path::Path;

/// One of every kind of step, with every key.
const ALL: &str = r#"
title = "Everything"
fleet = "fleet.toml"
machines = ["nas"]
step = [
    { do = "boot", machine = "nas", from = "medium", title = "on", expect = "done", deadline = "5min" },
    { do = "off", machine = "nas" },
    { do = "power-cut", machine = "nas", lose = "torn", seed = 7 },
    { do = "dying", machine = "nas", disk = "disk.sata1" },
    { do = "revive", machine = "nas", disk = "disk.sata1" },
    { do = "pull", machine = "nas", disk = "disk.sata1" },
    { do = "replace", machine = "nas", disk = "disk.sata1" },
    { do = "errors", machine = "nas", disk = "disk.sata1", on = "flush", from = 512, to = 1024 },
    { do = "slow", machine = "nas", disk = "disk.sata1", ms = 5 },
    { do = "full", machine = "nas", disk = "disk.sata1", after = 5 },
    { do = "rot", machine = "nas", disk = "disk.sata1", at = 512, sectors = 2 },
    { do = "well", machine = "nas", disk = "disk.sata1" },
    { do = "link", from = "one", to = "two", cut = false, delay_ms = 50, loss = "0.5%", one_way = true },
    { do = "disks-apply", machine = "nas", wipe = ["disk.nvme"], reinstall = true },
    { do = "disks-plan", machine = "nas", nodes = ["mdadm.nas"] },
    { do = "disks-status", machine = "nas", nodes = { "mdadm.nas" = "not_mounted" }, within = "5min" },
    { do = "install", machine = "nas", reinstall = true },
    { do = "verify", machine = "nas", groups = ["raid"], broken = ["raid"] },
    { do = "run", machine = "nas", words = ["true"], status = 0, prints = "", background = false },
    { do = "homehive", words = ["status"], status = 1, prints = "nas" },
    { do = "write", machine = "nas", path = "/data/proof", size = "1MiB" },
    { do = "intact", machine = "nas", path = "/data/proof" },
    { do = "answers", machine = "nas", expect = "fails" },
    { do = "pause", for = "5s" },
]
"#;

fn json(toml: &str) -> Value {
    toml::from_str(toml).unwrap()
}

fn read(value: &Value) -> bool {
    // Only what reading finds: names are checked against a fleet.
    !Draft::read(&value.to_string(), "scenario.json", Format::Json).is_broken()
}

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(scenario::schema::schema().as_value()).unwrap()
}

#[test]
fn everything_and_the_examples_fit() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios");
    let files = std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let texts: Vec<String> = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let scenarios: Vec<&str> = texts.iter().map(String::as_str).filter(|text| text.contains("[[step]]")).collect();
    assert!(scenarios.len() >= 2);
    for text in scenarios.into_iter().chain([ALL]) {
        let value = json(text);
        let problems: Vec<String> = validator().iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(problems, Vec::<String>::new());
        assert!(read(&value));
    }
}

#[test]
fn what_the_decoder_refuses_in_structure_the_schema_refuses_too() {
    let (whole, validator) = (json(ALL), validator());
    let steps = whole["step"].as_array().unwrap().len();
    let mut tried = 0;
    for step in 0..steps {
        let keys: Vec<String> = whole["step"][step].as_object().unwrap().keys().cloned().collect();
        let mut changes: Vec<(String, Value)> = Vec::new();
        for key in &keys {
            let mut broken = whole.clone();
            broken["step"][step][key] =
                if whole["step"][step][key].is_string() { json!(-7) } else { json!({ "no": "sense" }) };
            changes.push((format!("a wrong kind of `{key}`"), broken));
            if ["do", "machine", "disk", "words", "path", "size", "for", "ms", "at"].contains(&key.as_str()) {
                let mut broken = whole.clone();
                broken["step"][step].as_object_mut().unwrap().shift_remove(key);
                changes.push((format!("no `{key}`"), broken));
            }
        }
        let mut broken = whole.clone();
        broken["step"][step]["surprise"] = json!(1);
        changes.push(("an unknown key".to_owned(), broken));
        for (case, broken) in changes {
            tried += 1;
            assert!(!read(&broken), "the decoder takes {case} in step {step}");
            assert!(!validator.is_valid(&broken), "the schema takes {case} in step {step}");
        }
    }
    assert!(tried > 100, "only {tried} changes tried");
}
