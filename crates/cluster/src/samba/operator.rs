//! The Samba operator, assembled from the files of its pinned release as its own kustomization does (namespace, names with
//! a prefix, image), and patched by structure. What is not where it is expected is an error, never passed over.
//!
//! Left out is the proxy in front of the operator's own metrics: its image (gcr.io/kubebuilder) is gone since March 2025,
//! and nobody reads them. They are served inside the pod alone.

use super::SOURCE;
use crate::meta::MANAGED_BY;
use crate::namespaces::SAMBA_OPERATOR;
use crate::{Catalogue, Manifest, Object, RenderError, Upstream, Wave};
use serde_json::{Map, Value, json};

/// What kustomize puts before the operator's names.
const PREFIX: &str = "samba-operator-";

/// The operator's definitions, and the operator.
pub(super) struct Operator {
    tag: String,
    definitions: Vec<Object>,
    rest: Vec<Object>,
}

/// Why the operator's files are not what they were.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No YAML.
    #[error("the Samba operator's {path} is no YAML: {reason}")]
    Yaml {
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// Something is missing that is to be changed.
    #[error("the Samba operator's {path} has no {what}: another release than the one that this homehive knows")]
    Shape {
        /// Which file.
        path: String,
        /// What is missing.
        what: &'static str,
    },
}

impl Operator {
    /// Reads and patches the files of the release.
    pub(super) fn read(catalogue: &Catalogue, upstream: &Upstream) -> Result<Self, RenderError> {
        let source = catalogue.source(SOURCE)?;
        let (mut definitions, mut rest) = (Vec::new(), Vec::new());
        for path in source.files.keys() {
            let text = upstream.text(SOURCE, path)?;
            let yaml =
                |error: serde_saphyr::Error| OperatorError::Yaml { path: path.clone(), reason: error.to_string() };
            for mut value in serde_saphyr::from_multiple::<Value>(text).map_err(yaml)? {
                if value.is_null() {
                    continue;
                }
                let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
                match kind.as_str() {
                    // The namespace is homehive's own.
                    "Namespace" => continue,
                    "CustomResourceDefinition" => {}
                    "Deployment" => {
                        place(&mut value, path)?;
                        patch(&mut value, path, catalogue)?;
                    }
                    _ => place(&mut value, path)?,
                }
                clean(&mut value);
                let object = Object::from_value(value)?;
                if kind == "CustomResourceDefinition" { definitions.push(object) } else { rest.push(object) }
            }
        }
        // Rights first, then who has them.
        rest.sort_by_key(|object| object.key().kind == "Deployment");
        Ok(Self { tag: source.tag.clone(), definitions, rest })
    }

    /// The files.
    pub(super) fn manifests(self) -> Vec<Manifest> {
        // A file for each: a release that has one of them no more must not take away what is of that kind.
        let head = format!("A kind of objects of the Samba operator's, as its release {} defines it.", self.tag);
        let definition = |object: Object| Manifest {
            wave: Wave::Definitions,
            name: format!("kind-{}", object.key().name.replace('.', "-")),
            head: head.clone(),
            objects: vec![object],
        };
        let mut all: Vec<Manifest> = self.definitions.into_iter().map(definition).collect();
        let head = format!(
            "The Samba operator {}: it writes the configuration of the shares' servers. Assembled from its release,\n\
             without the proxy in front of its own metrics.",
            self.tag
        );
        all.push(Manifest { wave: Wave::Operators, name: "samba-operator".into(), head, objects: self.rest });
        all
    }
}

fn shape(path: &str, what: &'static str) -> OperatorError {
    OperatorError::Shape { path: path.to_owned(), what }
}

/// Namespace and names, with everything that refers to them.
fn place(value: &mut Value, path: &str) -> Result<(), OperatorError> {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let meta = value.get_mut("metadata").and_then(Value::as_object_mut).ok_or_else(|| shape(path, "metadata"))?;
    prefix(meta, "name").ok_or_else(|| shape(path, "metadata.name"))?;
    if !kind.starts_with("Cluster") {
        meta.insert("namespace".into(), SAMBA_OPERATOR.into());
    }
    if let Some(role) = value.get_mut("roleRef").and_then(Value::as_object_mut) {
        prefix(role, "name").ok_or_else(|| shape(path, "roleRef.name"))?;
        let subjects = value.get_mut("subjects").and_then(Value::as_array_mut);
        for subject in subjects.ok_or_else(|| shape(path, "subjects"))? {
            // `default` is every namespace's own account and is not renamed.
            let subject = subject.as_object_mut().filter(|subject| subject.get("name") == Some(&json!("default")));
            subject.ok_or_else(|| shape(path, "subject `default`"))?.insert("namespace".into(), SAMBA_OPERATOR.into());
        }
    }
    Ok(())
}

fn prefix(map: &mut Map<String, Value>, key: &str) -> Option<()> {
    let name = format!("{PREFIX}{}", map.get(key)?.as_str()?);
    map.insert(key.into(), name.into());
    Some(())
}

/// The operator's own Deployment: images of the catalogue, metrics of the shares on, nothing asked of the Internet at a
/// restart.
fn patch(value: &mut Value, path: &str, catalogue: &Catalogue) -> Result<(), RenderError> {
    let containers = value.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut);
    let manager = containers
        .and_then(|all| all.iter_mut().find(|it| it.get("name") == Some(&json!("manager"))))
        .and_then(Value::as_object_mut)
        .ok_or_else(|| shape(path, "container `manager`"))?;
    manager.insert("image".into(), catalogue.image("samba-operator")?.to_string().into());
    manager.insert("imagePullPolicy".into(), "IfNotPresent".into());
    let args = manager.get_mut("args").and_then(Value::as_array_mut).ok_or_else(|| shape(path, "args of `manager`"))?;
    args.push("--metrics-addr=127.0.0.1:8080".into());
    let env = manager.get_mut("env").and_then(Value::as_array_mut).ok_or_else(|| shape(path, "env of `manager`"))?;
    let set = [
        ("SAMBA_OP_CLUSTER_TYPE", "default".to_owned()),
        ("SAMBA_OP_METRICS_EXPORTER_MODE", "enabled".to_owned()),
        ("SAMBA_OP_SMBD_CONTAINER_IMAGE", catalogue.image("samba-server")?.to_string()),
        ("SAMBA_OP_SMBD_METRICS_CONTAINER_IMAGE", catalogue.image("samba-metrics")?.to_string()),
    ];
    env.extend(set.into_iter().map(|(name, value)| json!({ "name": name, "value": value })));
    let sources = manager.get_mut("envFrom").and_then(Value::as_array_mut);
    for source in sources.ok_or_else(|| shape(path, "envFrom of `manager`"))? {
        let map = source.get_mut("configMapRef").and_then(Value::as_object_mut);
        prefix(map.ok_or_else(|| shape(path, "configMapRef"))?, "name")
            .ok_or_else(|| shape(path, "configMapRef.name"))?;
    }
    Ok(())
}

/// What generators leave behind (`null`, an empty `status`) goes; homehive's label comes.
fn clean(value: &mut Value) {
    without_null(value);
    let Some(object) = value.as_object_mut() else { return };
    object.remove("status");
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let labels = meta.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
        }
    }
}

fn without_null(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_null);
        }
        Value::Array(list) => list.iter_mut().for_each(without_null),
        _ => {}
    }
}
