//! What a chart's new version would break of the values that homehive sets.

use crate::unpack::{Defaults, merge};
use serde_json::Value;
use std::fmt;

/// One value that does not fit any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Break {
    /// The old version knew the key, and the new one does not.
    Gone(String),
    /// The old version had a map or list there and the new one has not, or the other way round.
    Shape(String),
    /// The new version's schema refuses it: where, and why.
    Schema(String, String),
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(at) => write!(f, "`{at}` is set, and the new version does not know it"),
            Self::Shape(at) => write!(f, "`{at}` is set, and is something else in the new version"),
            Self::Schema(at, why) => write!(f, "`{at}`: {why}"),
        }
    }
}

/// What would break, as far as the new version's defaults and schema tell. `old` are the defaults of the version that
/// these values were written for: what is a free map there may be one still.
pub fn breaks(ours: &Value, old: &Defaults, new: &Defaults) -> Vec<Break> {
    let mut found = Vec::new();
    compare(ours, Some(&old.values), &new.values, "", &mut found);
    if let Some(schema) = &new.schema {
        let mut whole = new.values.clone();
        merge(&mut whole, ours.clone());
        match jsonschema::validator_for(schema) {
            Ok(validator) => {
                let breaks = validator.iter_errors(&whole);
                found.extend(
                    breaks.map(|error| Break::Schema(dotted(error.instance_path().as_str()), error.to_string())),
                );
            }
            Err(error) => {
                found.push(Break::Schema(String::new(), format!("the chart's schema cannot be used: {error}")));
            }
        }
    }
    found
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn compare(ours: &Value, old: Option<&Value>, new: &Value, at: &str, found: &mut Vec<Break>) {
    let Value::Object(ours) = ours else { return };
    let Value::Object(new) = new else { return };
    for (key, value) in ours {
        let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        let before = old.and_then(|old| old.get(key));
        match (before, new.get(key)) {
            (Some(_), None) => found.push(Break::Gone(at)),
            // Never among the defaults: a map that is free, or one of those that only the templates know.
            (None, None) => {}
            (before, Some(now)) => {
                if before.is_some_and(|before| differs(before, now)) {
                    found.push(Break::Shape(at));
                } else {
                    compare(value, before, now, &at, found);
                }
            }
        }
    }
}

/// Is one a map or list, and the other something of another kind? An absent value may become anything.
fn differs(one: &Value, other: &Value) -> bool {
    let shape = |value: &Value| match value {
        Value::Object(_) => Some(2),
        Value::Array(_) => Some(1),
        Value::Null => None,
        _ => Some(0),
    };
    matches!((shape(one), shape(other)), (Some(one), Some(other)) if one != other)
}

#[cfg(test)]
mod tests {
    use super::{Break, Defaults, breaks};
    use serde_json::{Value, json};

    fn defaults(values: Value) -> Defaults {
        Defaults { values, schema: None }
    }

    #[test]
    fn what_is_gone_or_something_else_is_named_by_its_place() {
        let old = defaults(json!({
            "speaker": { "frr": { "enabled": true }, "image": "x" }, "labels": {}, "nodes": [], "extra": null,
        }));
        let ours = json!({
            "speaker": { "frr": { "enabled": false } }, "labels": { "mine": "yes" }, "nodes": ["a"], "extra": { "a": 1 },
        });
        for (case, new, expected) in [
            ("the same", old.values.clone(), vec![]),
            (
                "a key is gone",
                json!({ "speaker": { "image": "x" }, "labels": {}, "nodes": [], "extra": null }),
                vec![Break::Gone("speaker.frr".into())],
            ),
            (
                "a list becomes a map",
                json!({ "speaker": { "frr": { "enabled": true } }, "labels": {}, "nodes": {} , "extra": 1}),
                vec![Break::Shape("nodes".into())],
            ),
            (
                "all is gone",
                json!({ "other": 1 }),
                ["speaker", "labels", "nodes", "extra"].map(|it| Break::Gone(it.into())).to_vec(),
            ),
        ] {
            assert_eq!(breaks(&ours, &old, &defaults(new)), expected, "{case}");
        }
    }

    #[test]
    fn the_schema_is_asked_about_defaults_and_ours_together() {
        let schema =
            json!({ "type": "object", "required": ["name"], "properties": { "count": { "type": "integer" } } });
        let values = json!({ "name": "x", "count": 1 });
        let new = Defaults { values: values.clone(), schema: Some(schema) };
        assert_eq!(breaks(&json!({ "count": 2 }), &defaults(values.clone()), &new), []);
        let found = breaks(&json!({ "count": "two" }), &defaults(values), &new);
        assert!(matches!(&found[..], [Break::Schema(at, _)] if at == "count"), "{found:?}");
    }
}
