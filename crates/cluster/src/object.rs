//! One Kubernetes object as JSON, and how it is called.

use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// One object: it has an `apiVersion`, a `kind` and a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Object(Value);

/// What an object is called in its cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Key {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// `Service`.
    pub kind: String,
    /// None where the kind has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Why a value is no object.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// A field that every object has.
    #[error("a Kubernetes object without `{0}`")]
    Missing(&'static str),
    /// It is no JSON.
    #[error("an object that cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Object {
    /// An object of typed data, such as those of `k8s-openapi`.
    ///
    /// # Errors
    /// It cannot be written as JSON, or lacks what every object has.
    pub fn of(typed: &impl Serialize) -> Result<Self, ObjectError> {
        Self::from_value(serde_json::to_value(typed)?)
    }

    /// An object as JSON.
    ///
    /// # Errors
    /// It lacks what every object has.
    pub fn from_value(value: Value) -> Result<Self, ObjectError> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        for (pointer, field) in [("/apiVersion", "apiVersion"), ("/kind", "kind"), ("/metadata/name", "metadata.name")]
        {
            if !text(pointer) {
                return Err(ObjectError::Missing(field));
            }
        }
        Ok(Self(value))
    }

    /// Its fields.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Its fields, to be changed; what makes up its [`Key`] must stay.
    pub fn value_mut(&mut self) -> &mut Value {
        &mut self.0
    }

    /// What it is called.
    pub fn key(&self) -> Key {
        let text = |pointer: &str| self.0.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Key {
            api_version: text("/apiVersion").unwrap_or_default(),
            kind: text("/kind").unwrap_or_default(),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name").unwrap_or_default(),
        }
    }
}

impl Key {
    /// Is it the same object, by whichever version of its kind?
    pub fn is(&self, other: &Self) -> bool {
        let whose =
            |key: &Self| key.api_version.split_once('/').map_or_else(String::new, |(group, _)| group.to_owned());
        let named = (&self.kind, &self.namespace, &self.name) == (&other.kind, &other.namespace, &other.name);
        named && whose(self) == whose(other)
    }
}

impl fmt::Display for Key {
    /// `Service monitoring/thanos-query`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Object;
    use serde_json::json;

    #[test]
    fn what_lacks_a_name_is_no_object() {
        for (value, missing) in [
            (json!({ "kind": "Pod", "metadata": { "name": "x" } }), "apiVersion"),
            (json!({ "apiVersion": "v1", "metadata": { "name": "x" } }), "kind"),
            (json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "" } }), "metadata.name"),
        ] {
            let error = Object::from_value(value).unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x", "namespace": "y" } });
        assert_eq!(Object::from_value(pod).unwrap().key().to_string(), "Pod y/x");
    }
}
