//! Whether an API server would take an object as it stands: its kind's own schema where homehive's machines have it, with
//! no field that the schema does not know; and for Kubernetes' own kinds, whether they come back from their types
//! unchanged, since what a type does not know it drops.

use cluster::Object;
use k8s_openapi::api::{apps, batch, core, networking, rbac, storage};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where the schemas of kinds that are not Kubernetes' own lie; none where they are not at hand.
pub fn folder() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/schemas");
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: ../shared/schemas, the schemas of kinds that are not Kubernetes' own, is missing");
    None
}

/// Checks an object; the error says where it is wrong.
pub fn check(object: &Object) -> Result<(), String> {
    let key = object.key();
    match (key.api_version.as_str(), key.kind.as_str()) {
        ("v1", "Namespace") => round::<core::v1::Namespace>(object),
        ("v1", "Service") => round::<core::v1::Service>(object),
        ("v1", "ServiceAccount") => round::<core::v1::ServiceAccount>(object),
        ("v1", "ConfigMap") => round::<core::v1::ConfigMap>(object),
        ("v1", "Secret") => round::<core::v1::Secret>(object),
        ("v1", "PersistentVolume") => round::<core::v1::PersistentVolume>(object),
        ("v1", "PersistentVolumeClaim") => round::<core::v1::PersistentVolumeClaim>(object),
        ("apps/v1", "Deployment") => round::<apps::v1::Deployment>(object),
        ("apps/v1", "StatefulSet") => round::<apps::v1::StatefulSet>(object),
        ("apps/v1", "DaemonSet") => round::<apps::v1::DaemonSet>(object),
        ("batch/v1", "CronJob") => round::<batch::v1::CronJob>(object),
        ("networking.k8s.io/v1", "NetworkPolicy") => round::<networking::v1::NetworkPolicy>(object),
        ("storage.k8s.io/v1", "StorageClass") => round::<storage::v1::StorageClass>(object),
        ("rbac.authorization.k8s.io/v1", "Role") => round::<rbac::v1::Role>(object),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => round::<rbac::v1::RoleBinding>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => round::<rbac::v1::ClusterRole>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => round::<rbac::v1::ClusterRoleBinding>(object),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition") => {
            round::<apiextensions::v1::CustomResourceDefinition>(object)
        }
        (version, kind) => custom(object, version, kind),
    }
}

/// There and back through a type of Kubernetes.
fn round<T: DeserializeOwned + Serialize>(object: &Object) -> Result<(), String> {
    let key = object.key();
    let typed: T = serde_json::from_value(object.value().clone()).map_err(|error| format!("{key}: {error}"))?;
    let back = serde_json::to_value(&typed).map_err(|error| format!("{key}: {error}"))?;
    same("", object.value(), &back).map_err(|reason| format!("{key}: {reason}"))
}

/// Everything that was there is there; what a type writes of itself though it is empty does not matter.
fn same(at: &str, was: &Value, is: &Value) -> Result<(), String> {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => was.iter().try_for_each(|(key, value)| {
            let at = format!("{at}/{key}");
            is.get(key).map_or_else(|| Err(format!("{at} is unknown")), |other| same(&at, value, other))
        }),
        (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
            was.iter().zip(is).enumerate().try_for_each(|(index, (was, is))| same(&format!("{at}/{index}"), was, is))
        }
        (was, is) if was == is => Ok(()),
        (was, is) => Err(format!("{at} was {was} and is {is}")),
    }
}

/// Against the schema of its kind.
fn custom(object: &Object, version: &str, kind: &str) -> Result<(), String> {
    let key = object.key();
    let Some(folder) = folder() else { return Ok(()) };
    let (group, version) = version.split_once('/').ok_or_else(|| format!("{key}: no kind that this test knows"))?;
    let file = folder.join(format!("{group}_{version}_{}.json", kind.to_lowercase()));
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{key}: {}: {error}", file.display()))?;
    let mut schema: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    close(&mut schema, true);
    let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
    let errors: Vec<String> =
        validator.iter_errors(object.value()).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(format!("{key}: {}", errors.join("; "))) }
}

/// From Kubernetes' dialect to JSON Schema, with every object closed that names its fields: unknown ones are pruned by an API
/// server without a word.
fn close(schema: &mut Value, root: bool) {
    let Some(map) = schema.as_object_mut() else {
        if let Some(list) = schema.as_array_mut() {
            for schema in list {
                close(schema, false);
            }
        }
        return;
    };
    if map.remove("x-kubernetes-int-or-string").is_some() {
        map.remove("type");
        map.remove("anyOf");
        map.insert("type".into(), serde_json::json!(["integer", "string"]));
    }
    if map.remove("nullable").is_some_and(|it| it == true)
        && let Some(kind) = map.get("type").and_then(Value::as_str).map(str::to_owned)
    {
        map.insert("type".into(), serde_json::json!([kind, "null"]));
    }
    let open = map.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    // Only words of the dialect: properties may be called as these are.
    for key in ["properties", "patternProperties"] {
        if let Some(properties) = map.get_mut(key).and_then(Value::as_object_mut) {
            for schema in properties.values_mut() {
                close(schema, false);
            }
        }
    }
    for key in ["items", "additionalProperties", "anyOf", "allOf", "oneOf", "not"] {
        if let Some(inner) = map.get_mut(key) {
            close(inner, false);
        }
    }
    if map.contains_key("properties") && !map.contains_key("additionalProperties") && !open {
        map.insert("additionalProperties".into(), false.into());
    }
    if root && let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
        // Kubernetes' own, which the schemas leave open.
        for (key, kind) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
            properties.insert(key.into(), serde_json::json!({ "type": kind }));
        }
    }
}
