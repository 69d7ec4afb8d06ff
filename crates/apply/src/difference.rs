//! What differs between an object as it is and as it would be, field by field. Pure.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;

/// One field that would change.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Field {
    /// Its path: `spec.template.spec.containers[0].image`.
    pub path: String,
    /// What it is; none if it would be added. Never told of a secret.
    pub from: Option<Value>,
    /// What it would be; none if it would go. Never told of a secret.
    pub to: Option<Value>,
}

/// What a server sets and nobody declares.
const SET_BY_SERVER: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"];
/// What stands in the place of a secret's content.
const HIDDEN: &str = "(secret)";

/// The fields that differ, as far as somebody declares them.
pub fn difference(is: &Value, would: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    walk("", Some(&declared(is)), Some(&declared(would)), &mut fields);
    if would["kind"] == "Secret" {
        let secret = |field: &&mut Field| ["data", "stringData"].iter().any(|word| field.path.starts_with(word));
        for field in fields.iter_mut().filter(secret) {
            for value in [&mut field.from, &mut field.to].into_iter().flatten() {
                *value = Value::from(HIDDEN);
            }
        }
    }
    fields
}

/// The object without its status and what else the server sets.
fn declared(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in SET_BY_SERVER {
            metadata.shift_remove(name);
        }
    }
    object
}

fn walk(path: &str, is: Option<&Value>, would: Option<&Value>, fields: &mut Vec<Field>) {
    match (is, would) {
        (Some(Value::Object(from)), Some(Value::Object(to))) => {
            let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                walk(&below(path, name), from.get(name), to.get(name), fields);
            }
        }
        (Some(Value::Array(from)), Some(Value::Array(to))) => {
            for at in 0..from.len().max(to.len()) {
                walk(&format!("{path}[{at}]"), from.get(at), to.get(at), fields);
            }
        }
        (from, to) if from != to => {
            fields.push(Field { path: path.to_owned(), from: from.cloned(), to: to.cloned() });
        }
        _ => {}
    }
}

fn below(path: &str, name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match (path.is_empty(), plain) {
        (true, true) => name.to_owned(),
        (false, true) => format!("{path}.{name}"),
        (_, false) => format!("{path}[{name:?}]"),
    }
}

impl Field {
    /// For people: one line, or for texts of several lines what changes in them.
    pub fn text(&self) -> String {
        let several =
            |value: &Option<Value>| value.as_ref().and_then(Value::as_str).is_some_and(|it| it.contains('\n'));
        if !several(&self.from) && !several(&self.to) {
            let shown = |value: &Value| short(&value.to_string());
            return match (&self.from, &self.to) {
                (Some(from), Some(to)) => format!("~ {}: {} → {}\n", self.path, shown(from), shown(to)),
                (None, Some(to)) => format!("+ {}: {}\n", self.path, shown(to)),
                (Some(from), None) => format!("- {}: {}\n", self.path, shown(from)),
                (None, None) => String::new(),
            };
        }
        let lines = |value: &Option<Value>| match value {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let (from, to) = (lines(&self.from), lines(&self.to));
        let mut text = format!("~ {}:\n", self.path);
        let diff = similar::TextDiff::from_lines(&from, &to);
        for hunk in diff.unified_diff().context_radius(2).iter_hunks() {
            for change in hunk.iter_changes() {
                let _ = writeln!(text, "    {}{}", change.tag(), change.value().trim_end_matches('\n'));
            }
        }
        text
    }
}

/// As much of a value as a line holds.
fn short(text: &str) -> String {
    const WIDTH: usize = 80;
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    let begin: String = text.chars().take(WIDTH).collect();
    format!("{begin}…")
}

#[cfg(test)]
mod tests {
    use super::difference;
    use serde_json::json;

    #[test]
    fn fields_for_people() {
        let is = json!({
            "kind": "Deployment", "metadata": { "name": "x", "uid": "1", "labels": { "app.kubernetes.io/name": "old" } },
            "spec": { "replicas": 1, "paused": true, "args": ["a", "b"], "text": "one\ntwo\nthree\n" },
            "status": { "replicas": 1 }
        });
        let would = json!({
            "kind": "Deployment", "metadata": { "name": "x", "uid": "2", "labels": { "app.kubernetes.io/name": "new" } },
            "spec": { "replicas": 2, "args": ["a", "c", "d"], "text": "one\n2\nthree\n" }
        });
        let text: String = difference(&is, &would).iter().map(super::Field::text).collect();
        insta::assert_snapshot!(text);
        assert!(difference(&is, &is).is_empty());
    }

    #[test]
    fn secrets_are_not_told() {
        let secret =
            |word: &str| json!({ "kind": "Secret", "data": { "password": word }, "stringData": { "p": word } });
        let fields = difference(&secret("b2xk"), &secret("bmV3"));
        let text: String = fields.iter().map(super::Field::text).collect();
        assert_eq!(fields.len(), 2);
        assert!(!text.contains("b2xk") && !text.contains("bmV3"), "{text}");
    }
}
