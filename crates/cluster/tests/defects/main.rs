//! What was wrong in configurations made by hand, each as a test that finds it: it passes on what is rendered, and fails
//! on the same with the old mistake put in.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
mod monitoring;

use serde_json::Value;

/// All objects of an example.
fn objects(text: &str) -> Vec<Value> {
    let manifests = common::rendered(text);
    manifests.into_iter().flat_map(|manifest| manifest.objects).map(|object| object.value().clone()).collect()
}

/// The judgement holds for both examples, and finds the mistake once it is put in.
fn finds(judgement: impl Fn(&[Value]) -> bool, mistake: impl Fn(&mut Vec<Value>)) {
    for (name, text) in common::EXAMPLES {
        let mut objects = objects(text);
        assert!(judgement(&objects), "{name}: the mistake is there");
        let before = objects.clone();
        mistake(&mut objects);
        assert_ne!(objects, before, "{name}: nothing was changed");
        assert!(!judgement(&objects), "{name}: the mistake is not found");
    }
}

fn is(object: &Value, kind: &str, name: &str) -> bool {
    object["kind"] == kind && object["metadata"]["name"] == name
}

fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    objects.iter().find(|object| is(object, kind, name)).unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn find_mut<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
    objects.iter_mut().find(|object| is(object, kind, name)).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The values of a chart.
fn values(objects: &[Value], chart: &str) -> Value {
    serde_saphyr::from_str(find(objects, "HelmChart", chart)["spec"]["valuesContent"].as_str().unwrap()).unwrap()
}

/// Changes the values of a chart.
fn with_values(objects: &mut [Value], chart: &str, change: impl FnOnce(&mut Value)) {
    let mut values = values(objects, chart);
    change(&mut values);
    find_mut(objects, "HelmChart", chart)["spec"]["valuesContent"] = serde_saphyr::to_string(&values).unwrap().into();
}
