//! What every object that homehive makes has at its head.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;

/// The label by which everything that homehive makes is found.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "homehive");

/// The head of an object in a namespace.
pub fn named(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta { namespace: Some(namespace.to_owned()), ..unnamespaced(name) }
}

/// The head of an object of the cluster as a whole.
pub fn unnamespaced(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), labels: Some(texts([MANAGED_BY])), ..ObjectMeta::default() }
}

/// The head, with more labels.
pub fn labelled<const N: usize>(mut meta: ObjectMeta, labels: [(&str, &str); N]) -> ObjectMeta {
    meta.labels.get_or_insert_default().extend(texts(labels));
    meta
}

/// The head, with more annotations.
pub fn annotated<const N: usize>(mut meta: ObjectMeta, annotations: [(&str, &str); N]) -> ObjectMeta {
    meta.annotations.get_or_insert_default().extend(texts(annotations));
    meta
}

/// Texts by text.
pub fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
