//! Dashboards: they are JSON as Grafana reads it, panels do not overlap, and every query parses.

use crate::common::{EXAMPLES, rendered};
use crate::tool::{succeeds, tool};
use serde_json::{Value, json};

/// The dashboards of an example, by their files' names.
pub fn dashboards(text: &str) -> Vec<(String, Value)> {
    let manifests = rendered(text);
    let objects = manifests.iter().flat_map(|manifest| &manifest.objects).map(cluster::Object::value);
    let maps = objects.filter(|value| value["metadata"]["labels"]["grafana_dashboard"] == "1");
    let files = maps.flat_map(|value| value["data"].as_object().unwrap().clone());
    files.map(|(name, text)| (name, serde_json::from_str(text.as_str().unwrap()).unwrap())).collect()
}

/// Every query of a dashboard, with its panel's title.
pub fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets.into_iter().map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
    });
    targets.collect()
}

#[test]
fn every_query_parses() {
    let Some(mut promtool) = tool("promtool") else { return };
    let mut rules = Vec::new();
    for (name, dashboard) in EXAMPLES.iter().flat_map(|(_, text)| dashboards(text)) {
        let queries = queries(&dashboard);
        assert!(queries.len() >= 10, "{name}: {}", queries.len());
        // Prometheus reads a query only as part of a rule.
        for (title, expr) in queries {
            let panel = format!("{name} {title} {}", rules.len());
            rules.push(json!({ "record": "query", "expr": expr, "labels": { "panel": panel } }));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queries.yaml");
    std::fs::write(&path, json!({ "groups": [{ "name": "queries", "rules": rules }] }).to_string()).unwrap();
    let said = succeeds(promtool.args(["check", "rules", "--lint=none"]).arg(&path));
    assert!(said.contains(&format!("SUCCESS: {} rules found", rules.len())), "{said}");
}

#[test]
fn panels_stand_side_by_side() {
    for (name, dashboard) in EXAMPLES.iter().flat_map(|(_, text)| dashboards(text)) {
        assert_eq!(dashboard["uid"], "homehive-nas", "{name}");
        let panels = dashboard["panels"].as_array().unwrap();
        let mut ids: Vec<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
        ids.dedup();
        assert_eq!(ids.len(), panels.len(), "{name}: ids");
        let place = |panel: &Value| {
            let at = |key: &str| panel["gridPos"][key].as_i64().unwrap();
            (at("x"), at("y"), at("w"), at("h"))
        };
        for (index, panel) in panels.iter().enumerate() {
            let (x, y, w, h) = place(panel);
            assert!(x >= 0 && x + w <= 24, "{name}: {panel}");
            for other in &panels[..index] {
                let (ox, oy, ow, oh) = place(other);
                let apart = x + w <= ox || ox + ow <= x || y + h <= oy || oy + oh <= y;
                assert!(apart, "{name}: {} and {} overlap", panel["title"], other["title"]);
            }
            if panel["type"] != "row" {
                assert_eq!(panel["datasource"]["uid"], "prometheus", "the data source of the chart, which is Thanos");
                assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()));
            }
        }
    }
}
