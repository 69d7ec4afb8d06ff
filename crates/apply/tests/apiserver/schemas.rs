//! Definitions of the kinds that are not Kubernetes' own, from the JSON schemas that lie beside the repository.

use serde_json::{Map, Value, json};
use std::path::Path;

/// A `CustomResourceDefinition` for each schema; none, and a word about it, where there are no schemas.
///
/// # Panics
/// A schema cannot be read.
pub fn definitions() -> Option<Vec<Value>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/schemas");
    let Ok(files) = std::fs::read_dir(&dir) else {
        eprintln!("skipped: schemas of the kinds are missing ({})", dir.display());
        return None;
    };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    Some(paths.iter().map(|path| definition(path)).collect())
}

/// `metallb.io_v1beta1_ipaddresspool.json`
fn definition(path: &Path) -> Value {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let mut words = name.splitn(3, '_');
    let mut word = || words.next().unwrap_or_else(|| panic!("{name}: not GROUP_VERSION_KIND"));
    let (group, version, singular) = (word(), word(), word());
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    old(&mut schema);
    let kind = kind(&schema, singular);
    let subresources = if schema["properties"]["status"].is_object() { json!({ "status": {} }) } else { json!({}) };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{singular}s.{group}") },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": { "kind": kind, "listKind": format!("{kind}List"), "plural": format!("{singular}s"), "singular": singular },
            "versions": [{
                "name": version, "served": true, "storage": true,
                "schema": { "openAPIV3Schema": schema }, "subresources": subresources,
            }],
        },
    })
}

/// The kind as it is written: the schema's own description says it, or these do.
fn kind(schema: &Value, singular: &str) -> String {
    let known = [
        "HelmChart",
        "HelmChartConfig",
        "IPAddressPool",
        "L2Advertisement",
        "PodMonitor",
        "PrometheusRule",
        "ServiceMonitor",
        "SmbCommonConfig",
        "SmbSecurityConfig",
        "SmbShare",
        "Application",
        "AppProject",
    ];
    let same = |word: &&str| word.to_ascii_lowercase() == singular;
    if let Some(kind) = known.iter().find(|word| same(word)) {
        return (*kind).to_owned();
    }
    let description = schema["description"].as_str().unwrap_or_default();
    let found = description.split(|c: char| !c.is_ascii_alphanumeric()).find(same);
    found.unwrap_or_else(|| panic!("how is the kind {singular} written?")).to_owned()
}

/// Takes out what an API server of 1.20 refuses: rules in CEL, and empty words as defaults.
fn old(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("x-kubernetes-validations");
            if fields.get("default") == Some(&json!("")) {
                fields.remove("default");
            }
            inner(fields);
        }
        Value::Array(items) => items.iter_mut().for_each(old),
        _ => {}
    }
}

fn inner(fields: &mut Map<String, Value>) {
    for (name, value) in fields.iter_mut() {
        match (name.as_str(), value) {
            // Names of fields, not words of the schema.
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(old),
            (_, value) => old(value),
        }
    }
}
