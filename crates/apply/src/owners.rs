//! Whose fields an object's fields are: homehive's, those of k3s, which has placed the object from a file of the fleet, or
//! somebody else's. Pure: from the object's `managedFields` (Kubernetes documentation, "Server-Side Apply").
//!
//! On a single server k3s applies the same objects from files. What it has set it owns beside homehive, and a field that
//! leaves the fleet would stay because k3s still owns it. So its part is taken over before homehive applies. Its own notes,
//! `objectset.rio.cattle.io/…`, stay its own: by them it finds the object again. At its next pass over a file it sets what
//! that file says, and nothing else: a field that was taken out by `cluster apply` comes back only while the machine still
//! has the former file.

use crate::{ADDON, LABEL, MANAGER};
use serde_json::{Map, Value, json};

/// What k3s writes its notes under, in labels and annotations.
const NOTES: &str = "f:objectset.rio.cattle.io/";
/// The field manager of the Secrets' own service on the machines, which makes their namespaces.
const SECRETS: &str = "homehive-secrets";

/// The fields that homehive has applied.
pub fn part(object: &Value) -> Option<&Value> {
    entries(object).find(|entry| is_homehive(entry)).map(|entry| &entry["fieldsV1"])
}

/// Has k3s made it from a file that homehive has put on the machine?
pub fn is_placed(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let addon = metadata["annotations"][ADDON].as_str().is_some_and(|it| it.contains("Kind=Addon"));
    metadata["labels"][LABEL] == "homehive" && addon
}

/// Was it made for the fleet, by whichever part of homehive? Not what somebody else had made before.
pub fn is_ours(object: &Value) -> bool {
    is_placed(object)
        || (object["metadata"]["labels"][LABEL] == "homehive" && entries(object).any(|it| it["manager"] == SECRETS))
}

/// Is this the field manager of k3s, or of its controller of files?
pub fn is_k3s(manager: &str) -> bool {
    manager.starts_with("deploy@") || manager.starts_with("k3s")
}

/// The `managedFields` with which homehive owns what k3s has set from files, but for its notes; none if there is nothing to
/// take over.
pub fn taken_over(live: &Value) -> Option<Value> {
    if !is_placed(live) {
        return None;
    }
    let version = entries(live).find(|it| is_homehive(it)).or_else(|| entries(live).find(|it| is_file(it)));
    let version = version.map(|entry| entry["apiVersion"].clone())?;
    let (mut mine, mut others, mut found) = (part(live).cloned().unwrap_or_else(|| json!({})), Vec::new(), false);
    for entry in entries(live).filter(|entry| !is_homehive(entry)) {
        if !is_file(entry) || entry["apiVersion"] != version {
            others.push(entry.clone());
            continue;
        }
        let (rest, notes) = without_notes(&entry["fieldsV1"]);
        found |= !is_empty(&minus(&rest, &mine)) || !is_empty(&rest);
        mine = union(&mine, &rest);
        if !is_empty(&notes) {
            let mut entry = entry.clone();
            entry["fieldsV1"] = notes;
            others.push(entry);
        }
    }
    let own = json!({ "manager": MANAGER, "operation": "Apply", "apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": mine });
    found.then(|| std::iter::once(own).chain(others).collect())
}

/// What applying would come to once homehive owns what k3s has set: as the server says, without the fields that nobody
/// declares any more.
pub fn after_taking_over(live: &Value, would: &Value) -> Value {
    let Some(Value::Array(managers)) = taken_over(live) else { return would.clone() };
    let owned = managers.iter().find(|entry| is_homehive(entry)).map_or(Value::Null, |entry| entry["fieldsV1"].clone());
    let still = entries(would).filter(|entry| !is_file(entry)).fold(json!({}), |all, it| union(&all, &it["fieldsV1"]));
    let mut would = would.clone();
    remove(&mut would, &minus(&owned, &still));
    would
}

fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["managedFields"].as_array().into_iter().flatten()
}

fn is_homehive(entry: &Value) -> bool {
    entry["manager"] == MANAGER && entry["operation"] == "Apply"
}

/// The entry of k3s' controller of files; not of the object's status.
fn is_file(entry: &Value) -> bool {
    entry["manager"].as_str().is_some_and(|manager| manager.starts_with("deploy@"))
        && entry.get("subresource").is_none()
}

/// A tree of fields without k3s' notes, and the notes alone.
fn without_notes(fields: &Value) -> (Value, Value) {
    let mut notes = json!({});
    for place in ["f:annotations", "f:labels"] {
        let all = fields["f:metadata"][place].as_object().into_iter().flatten();
        for (name, leaf) in all.filter(|(name, _)| name.starts_with(NOTES)) {
            notes = union(&notes, &json!({ "f:metadata": { place: { name: leaf } } }));
        }
    }
    (minus(fields, &notes), notes)
}

fn is_empty(fields: &Value) -> bool {
    fields.as_object().is_none_or(Map::is_empty)
}

/// All fields of both trees.
fn union(one: &Value, other: &Value) -> Value {
    let mut all = one.as_object().cloned().unwrap_or_default();
    for (name, below) in other.as_object().into_iter().flatten() {
        let merged = all.get(name).map_or_else(|| below.clone(), |known| union(known, below));
        all.insert(name.clone(), merged);
    }
    Value::Object(all)
}

/// The fields of the first tree that are not in the second. A leaf stands for all below it.
fn minus(one: &Value, other: &Value) -> Value {
    let mut left = Map::new();
    for (name, below) in one.as_object().into_iter().flatten() {
        match other.get(name) {
            None => drop(left.insert(name.clone(), below.clone())),
            Some(known) if is_empty(known) || is_empty(below) => {}
            Some(known) => {
                let rest = minus(below, known);
                if !is_empty(&rest) {
                    left.insert(name.clone(), rest);
                }
            }
        }
    }
    Value::Object(left)
}

/// Takes fields out of an object. `f:` names a field, `k:` the item of a list with these keys, `v:` an item by its value, and
/// `.` what holds them.
fn remove(object: &mut Value, fields: &Value) {
    for (name, below) in fields.as_object().into_iter().flatten() {
        let whole = is_empty(below) || below.get(".").is_some();
        if let (Some(field), Some(map)) = (name.strip_prefix("f:"), object.as_object_mut()) {
            if let Some(inner) = map.get_mut(field).filter(|_| !is_empty(below)) {
                remove(inner, below);
            }
            let bare = map.get(field).is_some_and(|it| {
                it.as_object().is_some_and(Map::is_empty) || it.as_array().is_some_and(Vec::is_empty)
            });
            if is_empty(below) || (whole && bare) {
                map.shift_remove(field);
            }
        } else if let Some(list) = object.as_array_mut() {
            let is_meant = |item: &Value| match name.split_at_checked(2) {
                Some(("k:", keys)) => {
                    let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                    !keys.is_empty() && keys.iter().all(|(key, value)| item.get(key) == Some(value))
                }
                Some(("v:", value)) => serde_json::from_str::<Value>(value).is_ok_and(|value| *item == value),
                _ => false,
            };
            if whole {
                list.retain(|item| !is_meant(item));
            } else {
                list.iter_mut().filter(|item| is_meant(item)).for_each(|item| remove(item, below));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{after_taking_over, is_ours, minus, remove, taken_over, union};
    use serde_json::{Value, json};

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({ "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields })
    }

    /// An object as k3s has placed it, with these owners.
    fn placed(managers: &[Value]) -> Value {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": "1", "b": "2" }, "metadata": { "name": "x",
            "labels": { crate::LABEL: "homehive" }, "annotations": { crate::ADDON: "k3s.cattle.io/v1, Kind=Addon" },
            "managedFields": managers } })
    }

    fn from_file() -> Value {
        let notes = json!({ "f:objectset.rio.cattle.io/owner-gvk": {} });
        entry(
            "deploy@nas",
            "Update",
            &json!({ "f:metadata": { "f:annotations": notes }, "f:data": { ".": {}, "f:a": {}, "f:b": {} } }),
        )
    }

    #[test]
    fn what_k3s_has_set_is_taken_over_but_for_its_notes() {
        let owned = entry("homehive", "Apply", &json!({ "f:data": { "f:a": {} } }));
        let other = entry("kubectl-edit", "Update", &json!({ "f:data": { "f:c": {} } }));
        let live = placed(&[owned, from_file(), other.clone()]);
        let managers = taken_over(&live).unwrap();
        assert_eq!(managers[0], entry("homehive", "Apply", &json!({ "f:data": { "f:a": {}, ".": {}, "f:b": {} } })));
        assert_eq!(managers.as_array().unwrap().len(), 3, "{managers}");
        assert!(managers.as_array().unwrap().contains(&other));
        let notes = json!({ "f:metadata": { "f:annotations": { "f:objectset.rio.cattle.io/owner-gvk": {} } } });
        assert!(managers.as_array().unwrap().contains(&entry("deploy@nas", "Update", &notes)));
        // Taken over once, there is nothing more to take.
        assert_eq!(taken_over(&placed(managers.as_array().unwrap())), None);
        let mut foreign = live;
        foreign["metadata"]["annotations"] = json!({});
        assert_eq!(taken_over(&foreign), None);
    }

    #[test]
    fn what_would_go_is_said() {
        let live = placed(&[from_file()]);
        let mut would = placed(&[from_file(), entry("homehive", "Apply", &json!({ "f:data": { "f:a": {} } }))]);
        assert_eq!(after_taking_over(&live, &would)["data"], json!({ "a": "1" }));
        // Somebody else's field stays.
        let other = entry("kubectl-edit", "Update", &json!({ "f:data": { "f:b": {} } }));
        would["metadata"]["managedFields"].as_array_mut().unwrap().push(other);
        assert_eq!(after_taking_over(&live, &would)["data"], json!({ "a": "1", "b": "2" }));
    }

    #[test]
    fn fields_are_taken_out() {
        for (case, object, fields, left) in [
            ("a field", json!({ "a": 1, "b": 2 }), json!({ "f:a": {} }), json!({ "b": 2 })),
            (
                "a deep one",
                json!({ "a": { "b": 1, "c": 2 } }),
                json!({ "f:a": { "f:b": {} } }),
                json!({ "a": { "c": 2 } }),
            ),
            ("what held it goes", json!({ "a": { "b": 1 } }), json!({ "f:a": { ".": {}, "f:b": {} } }), json!({})),
            (
                "unless it is somebody's",
                json!({ "a": { "b": 1 } }),
                json!({ "f:a": { "f:b": {} } }),
                json!({ "a": {} }),
            ),
            (
                "an item",
                json!({ "a": [{ "n": "x", "p": 1 }, { "n": "y" }] }),
                json!({ "f:a": { "k:{\"n\":\"x\"}": { ".": {}, "f:n": {}, "f:p": {} } } }),
                json!({ "a": [{ "n": "y" }] }),
            ),
            (
                "in an item",
                json!({ "a": [{ "n": "x", "p": 1 }] }),
                json!({ "f:a": { "k:{\"n\":\"x\"}": { "f:p": {} } } }),
                json!({ "a": [{ "n": "x" }] }),
            ),
            ("a value", json!({ "a": ["x", "y"] }), json!({ "f:a": { "v:\"x\"": {} } }), json!({ "a": ["y"] })),
            ("what is not there", json!({ "a": 1 }), json!({ "f:b": { "f:c": {} } }), json!({ "a": 1 })),
        ] {
            let mut object = object;
            remove(&mut object, &fields);
            assert_eq!(object, left, "{case}");
        }
        let (one, two) = (json!({ "f:a": { "f:x": {} } }), json!({ "f:a": { "f:y": {} }, "f:b": {} }));
        assert_eq!(minus(&union(&one, &two), &two), one);
    }

    #[test]
    fn namespaces_of_the_secrets_are_ours() {
        let namespace = |label: &str, manager: &str| json!({ "metadata": { "labels": { crate::LABEL: label }, "managedFields": [entry(manager, "Apply", &json!({}))] } });
        for (case, label, manager, ours) in [
            ("made for the Secrets", "homehive", "homehive-secrets", true),
            ("labelled by a person", "homehive", "kubectl", false),
            ("a namespace of others", "Helm", "homehive-secrets", false),
        ] {
            assert_eq!(is_ours(&namespace(label, manager)), ours, "{case}");
        }
    }
}
