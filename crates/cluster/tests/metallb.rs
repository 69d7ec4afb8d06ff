//! The load balancer's values against the chart itself. `HOMEHIVE_CHARTS` names a folder with the charts at the catalogue's
//! versions, each under its name.

#![expect(clippy::disallowed_methods, reason = "a test, which reads a chart")]

mod common;

use serde_json::Value;
use std::path::Path;

fn strangers(values: &Value, known: &Value, path: &str, found: &mut Vec<String>) {
    for (key, value) in values.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        match known.get(key) {
            Some(known) => strangers(value, known, &path, found),
            None => found.push(path),
        }
    }
}

#[test]
fn the_values_are_the_charts() {
    let Some(folder) = std::env::var_os("HOMEHIVE_CHARTS") else {
        println!("skipped: HOMEHIVE_CHARTS names no folder of charts");
        return;
    };
    let folder = Path::new(&folder).join("metallb");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let about: Value = serde_saphyr::from_str(&read("Chart.yaml")).unwrap();
    let known: Value = serde_saphyr::from_str(&read("values.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, text) in common::EXAMPLES {
        let objects = common::objects(text);
        let chart = objects.iter().find(|it| it.key().kind == "HelmChart" && it.key().name == "metallb").unwrap();
        let spec = &chart.value()["spec"];
        assert_eq!(spec["version"], about["version"], "{name}: the folder has another version than the catalogue");
        let values: Value = serde_saphyr::from_str(spec["valuesContent"].as_str().unwrap()).unwrap();
        let mut found = Vec::new();
        strangers(&values, &known, "", &mut found);
        assert_eq!(found, Vec::<String>::new(), "{name}: the chart has no such values");
        // Helm judges them beside the chart's own.
        let mut whole = known.clone();
        merge(&mut whole, &values);
        let errors: Vec<String> = validator.iter_errors(&whole).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
    }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}
