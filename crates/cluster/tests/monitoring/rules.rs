//! Alerts: they parse, and fire when they should and only then.

use crate::common::{EXAMPLES, rendered};
use crate::tool::{succeeds, tool};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Cases of minutes and hours, and of days.
const CASES: [(&str, &str); 2] =
    [("short.yaml", include_str!("rules.test.yaml")), ("long.yaml", include_str!("rules-long.test.yaml"))];

/// The groups of all rules of an example.
pub fn groups(text: &str) -> Vec<Value> {
    let manifests = rendered(text);
    let objects = manifests.iter().flat_map(|manifest| &manifest.objects).map(cluster::Object::value);
    let rules = objects.filter(|value| value["kind"] == "PrometheusRule");
    rules.flat_map(|value| value["spec"]["groups"].as_array().unwrap().clone()).collect()
}

fn alerts(groups: &[Value]) -> BTreeSet<String> {
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    rules.filter_map(|rule| rule["alert"].as_str()).map(str::to_owned).collect()
}

#[test]
fn rules_parse() {
    let Some(mut promtool) = tool("promtool") else { return };
    for (name, text) in EXAMPLES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("{name}.yaml"));
        let groups = groups(text);
        std::fs::write(&path, json!({ "groups": groups }).to_string()).unwrap();
        promtool.args(["check", "rules"]).arg(&path);
        let said = succeeds(&mut promtool);
        let number: usize = groups.iter().map(|group| group["rules"].as_array().unwrap().len()).sum();
        assert!(said.contains(&format!("SUCCESS: {number} rules found")), "{said}");
        let Some(again) = tool("promtool") else { return };
        promtool = again;
    }
}

#[test]
fn rules_fire_when_they_should() {
    let Some(mut promtool) = tool("promtool") else { return };
    let mut groups = groups(EXAMPLES[1].1);
    for rule in groups.iter_mut().flat_map(|group| group["rules"].as_array_mut().unwrap()) {
        rule.as_object_mut().unwrap().remove("annotations");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), json!({ "groups": groups }).to_string()).unwrap();
    for (name, cases) in CASES {
        std::fs::write(folder.path().join(name), cases).unwrap();
    }
    promtool.args(["test", "rules"]).args(CASES.map(|(name, _)| name)).current_dir(folder.path());
    let said = succeeds(&mut promtool);
    assert_eq!(said.matches("SUCCESS").count(), CASES.len(), "{said}");
}

/// The cases above are worth what they cover: each alert must be seen to fire, and not to.
#[test]
fn every_alert_has_a_case_of_each_kind() {
    let files = CASES.map(|(_, cases)| serde_saphyr::from_str::<Value>(cases).unwrap());
    let tests = files.iter().flat_map(|file| file["tests"].as_array().unwrap());
    let (mut fire, mut rest) = (BTreeSet::new(), BTreeSet::new());
    for case in tests.flat_map(|test| test["alert_rule_test"].as_array().unwrap()) {
        let alert = case["alertname"].as_str().unwrap().to_owned();
        let quiet = case["exp_alerts"].as_array().unwrap().is_empty();
        if quiet {
            rest.insert(alert)
        } else {
            fire.insert(alert)
        };
    }
    let all = alerts(&groups(EXAMPLES[1].1));
    assert!(all.len() >= 15, "{all:?}");
    assert_eq!(all, fire, "alerts that fire");
    assert_eq!(all, rest, "alerts that stay quiet");
}

/// A machine alone cannot tell of its own absence; everything else is the same.
#[test]
fn a_single_node_has_the_same_alerts() {
    let (nas, mut cluster) = (alerts(&groups(EXAMPLES[0].1)), alerts(&groups(EXAMPLES[1].1)));
    assert!(cluster.remove("NodesMissing"));
    assert_eq!(nas, cluster);
}

#[test]
fn every_alert_says_what_and_what_next() {
    for rule in groups(EXAMPLES[1].1).iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        for key in ["summary", "description"] {
            assert!(rule["annotations"][key].as_str().is_some_and(|text| text.len() > 10), "{rule}");
        }
        assert!(matches!(rule["labels"]["severity"].as_str(), Some("critical" | "warning")), "{rule}");
    }
}
