//! What homehive has made in a cluster, kept in the cluster itself: the `ConfigMap` that tells later what may be removed.
//! Pure.

use cluster::{Key, Object, ObjectError, Wave};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Its field: one object a line, `WAVE APIVERSION KIND NAMESPACE NAME`, with `-` for no namespace.
const FIELD: &str = "objects";

/// What homehive has made, and in which wave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory(BTreeMap<Key, Wave>);

impl Inventory {
    /// What the inventory itself is called.
    pub fn key() -> Key {
        Key {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some("kube-system".into()),
            name: "homehive-inventory".into(),
        }
    }

    /// Reads it from the object in the cluster; lines that make no sense are left out, so that nothing is removed by
    /// them.
    pub fn read(object: &Value) -> Self {
        let text = object["data"][FIELD].as_str().unwrap_or_default();
        Self(text.lines().filter_map(line).collect())
    }

    /// As an object that can be applied.
    ///
    /// # Errors
    /// Never, as long as its own name is one.
    pub fn object(&self) -> Result<Object, ObjectError> {
        let mut text = String::new();
        for (key, wave) in &self.0 {
            let namespace = key.namespace.as_deref().unwrap_or("-");
            let words = [&wave.number().to_string(), &key.api_version, &key.kind, namespace, &key.name];
            text.push_str(&words.join(" "));
            text.push('\n');
        }
        let Key { api_version, kind, namespace, name } = Self::key();
        Object::from_value(json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": { "app.kubernetes.io/managed-by": "homehive" },
                "annotations": { "homehive/about": "what homehive has made here; without it nothing is ever removed" },
            },
            "data": { FIELD: text },
        }))
    }

    /// Is this object in it, by whichever version of its kind?
    pub fn has(&self, key: &Key) -> bool {
        self.0.keys().any(|known| known.is(key))
    }

    /// Puts an object in, once: not beside itself by another version of its kind.
    pub fn put(&mut self, key: Key, wave: Wave) {
        self.0.retain(|known, _| !known.is(&key));
        self.0.insert(key, wave);
    }

    /// Takes an object out.
    pub fn take(&mut self, key: &Key) {
        self.0.remove(key);
    }

    /// All, those of the last wave first, and a volume after the claims of its wave, which hold it: the order in which they
    /// can go.
    pub fn backwards(&self) -> Vec<(Key, Wave)> {
        let mut all: Vec<(Key, Wave)> = self.0.iter().map(|(key, wave)| (key.clone(), *wave)).collect();
        let rank = |(key, wave): &(Key, Wave)| (std::cmp::Reverse(*wave), key.kind == "PersistentVolume");
        all.sort_by(|one, other| rank(one).cmp(&rank(other)).then_with(|| one.0.cmp(&other.0)));
        all
    }
}

fn line(text: &str) -> Option<(Key, Wave)> {
    let [wave, api_version, kind, namespace, name] = text.split(' ').collect::<Vec<_>>()[..] else { return None };
    let wave = Wave::ALL.into_iter().find(|known| known.number().to_string() == wave)?;
    let namespace = (namespace != "-").then(|| namespace.to_owned());
    Some((Key { api_version: api_version.into(), kind: kind.into(), namespace, name: name.into() }, wave))
}

#[cfg(test)]
mod tests {
    use super::Inventory;
    use cluster::{Key, Wave};
    use proptest::prelude::*;

    fn word() -> impl Strategy<Value = String> {
        "[a-z][a-z0-9.-]{0,12}"
    }

    proptest! {
        /// What is written is read again.
        #[test]
        fn written_and_read(all in prop::collection::vec((word(), "[A-Z][a-z]{1,9}", prop::option::of(word()), word(), 0_usize..5), 0..9)) {
            let mut inventory = Inventory::default();
            for (api_version, kind, namespace, name, wave) in all {
                inventory.put(Key { api_version, kind, namespace, name }, Wave::ALL[wave]);
            }
            let object = inventory.object().unwrap();
            prop_assert_eq!(Inventory::read(object.value()), inventory);
        }
    }

    #[test]
    fn what_holds_another_goes_before_it() {
        let text = "10 v1 Namespace - samba\n10 v1 PersistentVolume - share-a\n10 v1 PersistentVolumeClaim samba a\n\
                    50 v1 Service samba a\n";
        let object = serde_json::json!({ "data": { "objects": text } });
        let kinds: Vec<String> = Inventory::read(&object).backwards().into_iter().map(|(key, _)| key.kind).collect();
        assert_eq!(kinds, ["Service", "Namespace", "PersistentVolumeClaim", "PersistentVolume"]);
    }

    #[test]
    fn what_makes_no_sense_removes_nothing() {
        let object = serde_json::json!({ "data": { "objects": "10 v1 Namespace - samba\nnonsense\n99 v1 Pod x y\n" } });
        let found = Inventory::read(&object).backwards();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0.to_string(), "Namespace samba");
        assert_eq!(Inventory::read(&serde_json::json!({})), Inventory::default());
    }
}
