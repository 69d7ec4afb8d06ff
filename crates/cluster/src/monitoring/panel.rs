//! Panels of a dashboard, as Grafana reads them, and where they stand.

use serde_json::{Value, json};

/// How wide a dashboard is, in Grafana's own units.
const WIDTH: u32 = 24;
/// By its `uid`: the chart's data source, which asks Thanos.
const SOURCE: &str = "prometheus";

/// How a panel shows what it asks for.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Lines over time.
    Lines,
    /// The present number, coloured: green below the first limit, then yellow, and red from the second on.
    Limits(f64, f64),
    /// The present number, coloured: red below the limit, green from there on.
    AtLeast(f64),
    /// The present numbers as bars, from nought to one, coloured as in [`Shape::Limits`].
    Bars(f64, f64),
}

/// A panel in the making.
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// What it shows, for people who hover over its title.
    pub(super) about: &'static str,
    pub(super) shape: Shape,
    /// Grafana's word for what is counted: `bytes`, `percentunit`, `celsius`, `s`, `short`.
    pub(super) unit: &'static str,
    /// What is asked, and how its series are called.
    pub(super) queries: Vec<(String, &'static str)>,
    pub(super) width: u32,
}

impl Panel {
    fn json(&self, id: usize, at: (u32, u32), height: u32) -> Value {
        let source = json!({ "type": "prometheus", "uid": SOURCE });
        let now = !matches!(self.shape, Shape::Lines);
        let targets: Vec<Value> = self
            .queries
            .iter()
            .zip('A'..)
            .map(|((expr, legend), letter)| {
                json!({
                    "datasource": source,
                    "refId": letter,
                    "expr": expr,
                    "legendFormat": legend,
                    "instant": now,
                    "range": !now,
                })
            })
            .collect();
        let (kind, options, limits) = match self.shape {
            Shape::Lines => ("timeseries", json!({ "tooltip": { "mode": "multi" } }), Vec::new()),
            Shape::Limits(yellow, red) => ("stat", stat(), ramp(yellow, red)),
            Shape::AtLeast(green) => {
                let steps = vec![json!({ "color": "red", "value": null }), json!({ "color": "green", "value": green })];
                ("stat", stat(), steps)
            }
            Shape::Bars(yellow, red) => {
                let options = json!({ "orientation": "horizontal", "displayMode": "basic", "reduceOptions": last() });
                ("bargauge", options, ramp(yellow, red))
            }
        };
        let mut defaults = json!({ "unit": self.unit });
        if !limits.is_empty() {
            defaults["color"] = json!({ "mode": "thresholds" });
            defaults["thresholds"] = json!({ "mode": "absolute", "steps": limits });
        }
        if matches!(self.shape, Shape::Bars(..)) {
            defaults["min"] = json!(0);
            defaults["max"] = json!(1);
        }
        json!({
            "id": id,
            "type": kind,
            "title": self.title,
            "description": self.about,
            "datasource": source,
            "gridPos": { "x": at.0, "y": at.1, "w": self.width, "h": height },
            "targets": targets,
            "fieldConfig": { "defaults": defaults, "overrides": [] },
            "options": options,
        })
    }
}

fn last() -> Value {
    json!({ "calcs": ["lastNotNull"], "values": false })
}

fn stat() -> Value {
    json!({ "colorMode": "background", "graphMode": "none", "textMode": "value_and_name", "reduceOptions": last() })
}

fn ramp(yellow: f64, red: f64) -> Vec<Value> {
    vec![
        json!({ "color": "green", "value": null }),
        json!({ "color": "yellow", "value": yellow }),
        json!({ "color": "red", "value": red }),
    ]
}

/// Rows of panels, one below the other, each with a heading and its height.
pub(super) fn layout(rows: &[(&str, u32, Vec<Panel>)]) -> Vec<Value> {
    let mut all = Vec::new();
    let mut y = 0;
    for (heading, height, panels) in rows {
        all.push(json!({
            "id": all.len() + 1,
            "type": "row",
            "title": heading,
            "collapsed": false,
            "gridPos": { "x": 0, "y": y, "w": WIDTH, "h": 1 },
            "panels": [],
        }));
        y += 1;
        let mut x = 0;
        for panel in panels {
            if x + panel.width > WIDTH {
                x = 0;
                y += height;
            }
            all.push(panel.json(all.len() + 1, (x, y), *height));
            x += panel.width;
        }
        y += height;
    }
    all
}
