//! The schema that is checked in is the types', the example fits it, and what is broken in its structure does not.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads and writes its fixtures")]

use fleet::Format;
use serde_json::Value;

const EXAMPLE: &str = include_str!("../../../examples/nas/fleet.toml");
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/fleet.schema.json");

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(fleet::schema::schema().as_value()).unwrap()
}

fn json(toml: &str) -> Value {
    toml::from_str(toml).unwrap()
}

#[test]
fn the_schema_is_in_step() {
    let made = serde_json::to_string_pretty(&fleet::schema::schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(PATH, &made).unwrap();
    } else {
        let stands = std::fs::read_to_string(PATH).unwrap();
        assert!(stands == made, "out of step: UPDATE_SCHEMAS=1 cargo nextest run -p fleet schema");
    }
}

#[test]
fn the_example_fits() {
    let problems: Vec<String> = validator().iter_errors(&json(EXAMPLE)).map(|error| error.to_string()).collect();
    assert_eq!(problems, Vec::<String>::new());
}

/// Every place of the example, with a key too many or a value of the wrong kind: decoder and schema must both refuse.
#[test]
fn what_the_decoder_refuses_in_structure_the_schema_refuses_too() {
    let whole = json(EXAMPLE);
    let validator = validator();
    let mut tried = 0;
    for pointer in places(&whole) {
        let changes =
            [("an unknown key", unknown_key as fn(&mut Value)), ("a wrong kind", wrong_kind), ("a bad name", bad_name)];
        for (case, change) in changes {
            let mut broken = whole.clone();
            change(broken.pointer_mut(&pointer).unwrap());
            if broken == whole || named(&pointer, case) {
                continue;
            }
            tried += 1;
            let text = broken.to_string();
            let refused = fleet::Fleet::parse(&text, "fleet.json", Format::Json).is_err();
            assert!(refused, "the decoder takes {case} at {pointer}");
            assert!(!validator.is_valid(&broken), "the schema takes {case} at {pointer}");
        }
    }
    assert!(tried > 150, "only {tried} places tried");
}

/// Tables whose keys are names of the user's own take any key that is a name.
fn named(pointer: &str, case: &str) -> bool {
    case == "an unknown key"
        && ["/machines", "/shares", "/disk", "/mdadm", "/lvm_vg", "/lvs", "/partitions", "/hosts"]
            .iter()
            .any(|table| pointer.ends_with(table))
}

fn places(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                found.extend(places(value).into_iter().map(|below| format!("/{key}{below}")));
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                found.extend(places(value).into_iter().map(|below| format!("/{index}{below}")));
            }
        }
        _ => {}
    }
    found
}

fn unknown_key(value: &mut Value) {
    if let Value::Object(map) = value {
        map.insert("surprise".into(), Value::from(1));
    }
}

/// A thing of a table beside the others, under a name that no thing can have.
fn bad_name(value: &mut Value) {
    if let Value::Object(map) = value
        && let Some(first) = map.values().next().cloned()
    {
        map.insert("no name!".into(), first);
    }
}

fn wrong_kind(value: &mut Value) {
    *value = match value {
        Value::Object(_) | Value::Array(_) => Value::from(true),
        Value::String(_) => Value::from(-7),
        _ => Value::from("nonsense"),
    };
}
