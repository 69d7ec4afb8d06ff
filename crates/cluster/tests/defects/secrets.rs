//! What hand-made manifests got wrong about secrets, as it was and as it is.

use serde_json::{Value, json};

/// Fields that hold a secret, unless they say where it is.
const FIELDS: [&str; 7] =
    ["password", "smtp_auth_password", "adminPassword", "access_key", "secret_key", "secretKey", "token"];

/// Where an object holds a secret itself.
fn held(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let at = format!("{at}/{key}");
                if FIELDS.contains(&key.as_str()) && value.as_str().is_some_and(|text| !text.is_empty()) {
                    found.push(at.clone());
                }
                held(value, &at, found);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| held(item, &format!("{at}/{index}"), found));
        }
        // A chart's values, a Secret's file: YAML or JSON within a text.
        Value::String(text) => {
            for line in text.lines() {
                let Some((key, value)) = line.trim().trim_start_matches("- ").split_once(':') else { continue };
                if FIELDS.contains(&key.trim_matches('"')) && !value.trim().is_empty() {
                    found.push(format!("{at}: {key}"));
                }
            }
        }
        _ => {}
    }
}

fn all_held(objects: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for object in objects {
        held(object, object["metadata"]["name"].as_str().unwrap_or_default(), &mut found);
        // Encoded is not sealed.
        for (key, value) in object["data"].as_object().into_iter().flatten().filter(|_| object["kind"] == "Secret") {
            use base64::Engine as _;
            let text = base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
            held(
                &json!(String::from_utf8(text).unwrap()),
                &format!("{}/{key}", object["metadata"]["name"]),
                &mut found,
            );
        }
    }
    found
}

/// Passwords stood in manifests, and so in the Nix store that everybody may read.
#[test]
fn defect_12_no_manifest_holds_a_secret() {
    let old = [
        json!({ "kind": "Secret", "metadata": { "name": "users" },
            "stringData": { "users.json": "{\n\"name\": \"ben\",\n\"password\": \"hunter2\"\n}" } }),
        json!({ "kind": "HelmChart", "metadata": { "name": "stack" },
            "spec": { "valuesContent": "alertmanager:\n  config:\n    global:\n      smtp_auth_password: hunter2\n" } }),
        json!({ "kind": "Secret", "metadata": { "name": "store" },
            "data": { "objstore.yml": "dHlwZTogUzMKY29uZmlnOgogIHNlY3JldF9rZXk6IGh1bnRlcjIK" } }),
    ];
    for object in &old {
        assert_eq!(all_held(std::slice::from_ref(object)).len(), 1, "{object}");
    }
    let store = crate::common::EXAMPLES[0].1.replace("[monitoring]\n", crate::STORE);
    for text in [crate::common::EXAMPLES[0].1, crate::common::EXAMPLES[1].1, &store] {
        let objects: Vec<Value> = crate::common::objects(text).iter().map(|object| object.value().clone()).collect();
        assert_eq!(all_held(&objects), Vec::<String>::new());
        // They name what the servers make.
        let whole = serde_json::to_string(&objects).unwrap();
        for secret in cluster::secrets(&crate::common::fleet(text)) {
            assert!(whole.contains(&secret.name), "nobody uses {}/{}", secret.namespace, secret.name);
        }
    }
}
