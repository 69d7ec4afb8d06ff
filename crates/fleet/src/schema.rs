//! The JSON Schema of the fleet file, made from the types, for editors and other tools.

use crate::Fleet;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The JSON Schema (draft 2020-12) of a fleet file.
pub fn schema() -> Schema {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Fleet>();
    schema.insert("$comment".into(), json!("made from homehive's types; do not edit"));
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        definitions.values_mut().for_each(close_choices);
    }
    schema
}

/// A choice by `type` refers to the table that follows; only the two together know all keys.
fn close_choices(definition: &mut Value) {
    let choices = definition.get_mut("oneOf").and_then(Value::as_array_mut);
    for choice in choices.into_iter().flatten() {
        if let Some(choice) = choice.as_object_mut()
            && choice.contains_key("$ref")
        {
            choice.insert("unevaluatedProperties".into(), json!(false));
        }
    }
}
