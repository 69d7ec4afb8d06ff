//! What would be done, decided before anything is: object by object, in waves, and what would be removed. Pure: from the
//! objects that the fleet says, what a server told of them, and what was made before.

use crate::difference::{Field, difference};
use crate::inventory::Inventory;
use crate::name::{Consent, Name};
use crate::owners::{self, after_taking_over, is_k3s, is_placed, part};
use crate::refusal::Conflict;
use crate::volume::{FormerClaim, former_claim};
use cluster::{Key, Manifest, Object, Wave};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a server told of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The object as it is; none if it is not there.
    pub live: Option<Value>,
    /// What applying it would come to.
    pub would: Would,
}

/// What applying an object would come to.
#[derive(Clone, Debug, PartialEq)]
pub enum Would {
    /// This object.
    Be(Value),
    /// Others have set these fields, to something else.
    Conflict(Vec<Conflict>),
    /// This object, with these fields taken from others, as was asked for.
    Force(Vec<Conflict>, Value),
    /// The server refuses it.
    Refused(String),
    /// The server cannot tell yet: the kind, the namespace or a webhook is not there.
    Unknown(String),
}

/// What a server told of all objects, and what was made before.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// By name.
    pub objects: BTreeMap<Key, Told>,
    /// What homehive has made, or k3s has placed for it.
    pub inventory: Inventory,
    /// The inventory as it stands in the cluster.
    pub written: Inventory,
    /// What was made before, is not in the fleet any more, and is there still.
    pub former: BTreeMap<Key, Value>,
}

/// What would be done.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Plan {
    /// Objects of the fleet, in the order in which they are applied.
    pub objects: Vec<Change>,
    /// Objects that the fleet no longer has, in the order in which they go.
    pub former: Vec<Pruning>,
}

/// What would be done to an object of the fleet.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// The object.
    pub object: Name,
    /// Its wave, by the number that its file begins with.
    pub wave: u8,
    /// The file that says it.
    pub file: String,
    /// What would be done.
    pub what: What,
    /// Is it homehive's to remove, once the fleet no longer has it? Not what somebody else had made before.
    pub ours: bool,
}

/// What would be done.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum What {
    /// It is as the fleet says.
    Same,
    /// It is not there.
    Create {
        /// Why the server cannot say yet whether it takes it, if it cannot.
        unknown: Option<String>,
    },
    /// It is there and differs.
    Change {
        /// In what; nothing if only homehive's part in it changes.
        fields: Vec<Field>,
        /// Whose fields are taken, as was asked for.
        forced: Vec<Conflict>,
        /// The claim that is gone and that the volume forgets, for the one that the fleet declares.
        freed: Option<FormerClaim>,
    },
    /// It is there, and the server cannot say whether it differs.
    Unknown {
        /// Why.
        why: String,
    },
    /// Others have set fields of it to something else.
    Conflict {
        /// Which, and who.
        conflicts: Vec<Conflict>,
    },
    /// The server refuses it.
    Refused {
        /// Why.
        why: String,
    },
}

/// What would be done to an object that the fleet no longer has.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Pruning {
    /// The object.
    pub object: Name,
    /// Why it is kept; none if it is removed.
    pub kept: Option<Kept>,
    #[serde(skip)]
    pub(crate) key: Key,
    #[serde(skip)]
    pub(crate) uid: String,
}

/// Why an object is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// Data goes with it: it is removed only when it is named.
    Data,
    /// Somebody else has made it anew since.
    Foreign,
}

/// Kinds with which data goes, or all that lies in them.
const WITH_DATA: [&str; 4] = ["PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition"];

/// The objects of the fleet in the order in which they are applied, each with its wave and its file.
pub fn in_order(manifests: &[Manifest]) -> Vec<(Wave, String, &Object)> {
    let mut files: Vec<&Manifest> = manifests.iter().collect();
    files.sort_by_key(|file| (file.wave, file.file_name()));
    let each = |file: &'_ Manifest| (file.wave, file.file_name());
    let objects = files.into_iter().flat_map(|file| {
        let (wave, name) = each(file);
        file.objects.iter().map(move |object| (wave, name.clone(), object))
    });
    objects.collect()
}

/// What would be done.
pub fn plan(manifests: &[Manifest], observed: &Observed, consent: &Consent) -> Plan {
    let objects = in_order(manifests);
    let changes = objects.iter().map(|(wave, file, object)| {
        let key = object.key();
        let unasked = || What::Create { unknown: Some("the server was not asked".into()) };
        let told = observed.objects.get(&key);
        let ours = observed.inventory.has(&key) || is_ours(told);
        let freed = told.and_then(|told| former_claim(told.live.as_ref()?, object.value())).filter(|_| ours);
        let what = told.map_or_else(unasked, |told| what(told, freed));
        Change { object: Name::from(&key), wave: wave.number(), file: file.clone(), what, ours }
    });
    let changes = changes.collect();
    let former = observed.inventory.backwards().into_iter().filter_map(|(key, _)| {
        if objects.iter().any(|(_, _, object)| object.key().is(&key)) {
            return None;
        }
        let live = observed.former.get(&key)?;
        let kept = if part(live).is_none() && !owners::is_ours(live) {
            Some(Kept::Foreign)
        } else if WITH_DATA.contains(&key.kind.as_str()) && !consent.prunes(&key) {
            Some(Kept::Data)
        } else {
            None
        };
        let uid = live["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        Some(Pruning { object: Name::from(&key), kept, key, uid })
    });
    Plan { objects: changes, former: former.collect() }
}

/// What is not there yet will be made by homehive.
fn is_ours(told: Option<&Told>) -> bool {
    told.and_then(|told| told.live.as_ref()).is_none_or(owners::is_ours)
}

fn what(told: &Told, freed: Option<FormerClaim>) -> What {
    match (&told.live, &told.would) {
        (_, Would::Refused(why)) => What::Refused { why: why.clone() },
        (_, Would::Conflict(conflicts)) => What::Conflict { conflicts: conflicts.clone() },
        (None, Would::Be(_) | Would::Force(..)) => What::Create { unknown: None },
        (None, Would::Unknown(why)) => What::Create { unknown: Some(why.clone()) },
        (Some(_), Would::Unknown(why)) => What::Unknown { why: why.clone() },
        (Some(live), Would::Force(conflicts, would)) => {
            What::Change { fields: difference(live, &after_taking_over(live, would)), forced: conflicts.clone(), freed }
        }
        (Some(live), Would::Be(would)) => {
            let fields = difference(live, &after_taking_over(live, would));
            if fields.is_empty() && part(live) == part(would) && freed.is_none() {
                What::Same
            } else {
                What::Change { fields, forced: Vec::new(), freed }
            }
        }
    }
}

/// May these fields be taken? As was asked for; or because it is k3s that has set them, from the files that homehive has
/// put on the machine.
pub(crate) fn may_take(key: &Key, live: Option<&Value>, conflicts: &[Conflict], consent: &Consent) -> bool {
    consent.forces(key) || (live.is_some_and(is_placed) && conflicts.iter().all(|it| is_k3s(&it.manager)))
}

impl Plan {
    /// Would nothing be done?
    pub fn is_empty(&self) -> bool {
        self.objects.iter().all(|change| change.what == What::Same) && self.former.iter().all(|it| it.kept.is_some())
    }

    /// The objects of which others have set fields, to something else.
    pub fn conflicts(&self) -> Vec<&Change> {
        self.objects.iter().filter(|change| matches!(change.what, What::Conflict { .. })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Observed, Told, What, Would, may_take, plan};
    use crate::{Conflict, Consent};
    use cluster::{Key, Manifest, Object, Wave};
    use serde_json::{Value, json};

    const ADDON: &str = "k3s.cattle.io/v1, Kind=Addon";

    fn object(value: &str, placed: bool) -> Value {
        let annotations = if placed { json!({ crate::ADDON: ADDON }) } else { json!({}) };
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x", "namespace": "y", "uid": "1",
            "labels": { crate::LABEL: "homehive" }, "annotations": annotations }, "data": { "a": value } })
    }

    fn applied(mut object: Value) -> Value {
        object["metadata"]["managedFields"] =
            json!([{ "manager": "homehive", "operation": "Apply", "fieldsV1": { "f:data": {} } }]);
        object
    }

    fn key() -> Key {
        Object::from_value(object("1", false)).unwrap().key()
    }

    fn files() -> Vec<Manifest> {
        let object = Object::from_value(object("2", false)).unwrap();
        vec![Manifest { wave: Wave::Objects, name: "x".into(), head: String::new(), objects: vec![object] }]
    }

    #[test]
    fn what_would_be_done_and_whose_it_is() {
        let conflict = || vec![Conflict { field: ".data.a".into(), manager: "kubectl-edit".into() }];
        for (case, live, would, what, ours) in [
            ("new", None, Would::Be(object("2", false)), "create", true),
            ("new, and not known yet", None, Would::Unknown("kind".into()), "create", true),
            ("the same", Some(applied(object("2", false))), Would::Be(applied(object("2", false))), "same", false),
            (
                "the same, but not homehive's yet",
                Some(object("2", false)),
                Would::Be(applied(object("2", false))),
                "change",
                false,
            ),
            ("another", Some(applied(object("1", false))), Would::Be(applied(object("2", false))), "change", false),
            (
                "placed by k3s from our file",
                Some(object("2", true)),
                Would::Be(applied(object("2", true))),
                "change",
                true,
            ),
            ("set by others", Some(object("1", false)), Would::Conflict(conflict()), "conflict", false),
            ("taken by force", Some(object("1", false)), Would::Force(conflict(), object("2", false)), "change", false),
            ("refused", None, Would::Refused("no".into()), "refused", true),
            ("a webhook is away", Some(object("1", false)), Would::Unknown("webhook".into()), "unknown", false),
        ] {
            let mut observed = Observed::default();
            observed.objects.insert(key(), Told { live, would });
            let plan = plan(&files(), &observed, &Consent::default());
            let word = match plan.objects[0].what {
                What::Same => "same",
                What::Create { .. } => "create",
                What::Change { .. } => "change",
                What::Unknown { .. } => "unknown",
                What::Conflict { .. } => "conflict",
                What::Refused { .. } => "refused",
            };
            assert_eq!((word, plan.objects[0].ours), (what, ours), "{case}");
            assert_eq!(plan.is_empty(), word == "same", "{case}");
        }
    }

    #[test]
    fn only_volumes_of_ours_forget_a_claim() {
        let volume = |reference: Value| {
            json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "share-a" },
            "spec": { "claimRef": reference } })
        };
        let declared = Object::from_value(volume(json!({ "namespace": "samba", "name": "a" }))).unwrap();
        let mut live = applied(volume(json!({ "namespace": "samba", "name": "a", "uid": "1" })));
        live["status"] = json!({ "phase": "Released" });
        let key = declared.key();
        let files = [Manifest { wave: Wave::Ground, name: "x".into(), head: String::new(), objects: vec![declared] }];
        let mut observed = Observed::default();
        observed.objects.insert(key.clone(), Told { live: Some(live.clone()), would: Would::Be(live) });
        assert_eq!(plan(&files, &observed, &Consent::default()).objects[0].what, What::Same);
        observed.inventory.put(key, Wave::Ground);
        let text = plan(&files, &observed, &Consent::default()).text();
        assert!(
            text.contains("its former claim samba/a (uid 1) is gone: freed for the one that is declared"),
            "{text}"
        );
    }

    #[test]
    fn fields_are_taken_when_named_or_from_k3s_alone() {
        let by = |manager: &str| vec![Conflict { field: ".data.a".into(), manager: manager.into() }];
        let named = Consent { force: vec!["ConfigMap/y/x".parse().unwrap()], ..Consent::default() };
        let none = Consent::default();
        for (case, placed, conflicts, consent, may) in [
            ("named", false, by("kubectl-edit"), &named, true),
            ("not named", false, by("kubectl-edit"), &none, false),
            ("k3s, on what it placed for us", true, by("deploy@nas"), &none, true),
            ("k3s, newer", true, by("k3s-supervisor@nas"), &none, true),
            ("k3s, on what somebody else has put there", false, by("deploy@nas"), &none, false),
            ("k3s and a person", true, [by("deploy@nas"), by("kubectl-edit")].concat(), &none, false),
        ] {
            assert_eq!(may_take(&key(), Some(&object("1", placed)), &conflicts, consent), may, "{case}");
        }
    }

    #[test]
    fn a_kind_that_moves_its_version_is_not_removed_behind_its_back() {
        let mut observed = Observed::default();
        let old = Key { api_version: "v1beta1".into(), ..key() };
        observed.inventory.put(old.clone(), Wave::Objects);
        observed.former.insert(old.clone(), applied(object("1", false)));
        assert!(plan(&files(), &observed, &Consent::default()).former.is_empty());
        // Another group is another kind.
        let other = Key { api_version: "x.io/v1".into(), ..key() };
        observed.inventory.put(other.clone(), Wave::Objects);
        observed.former.insert(other, applied(object("1", false)));
        assert_eq!(plan(&files(), &observed, &Consent::default()).former.len(), 1);
        // Written down anew, it stands there once.
        observed.inventory.put(key(), Wave::Objects);
        assert!(!observed.inventory.backwards().iter().any(|(known, _)| *known == old));
    }

    #[test]
    fn what_is_no_longer_declared() {
        let mut claim = applied(object("1", false));
        claim["kind"] = json!("PersistentVolumeClaim");
        let named = Consent { prune: vec!["PersistentVolumeClaim/y/x".parse().unwrap()], ..Consent::default() };
        let none = Consent::default();
        for (case, live, consent, kept) in [
            ("ours", Some(applied(object("1", false))), &none, Some(None)),
            ("made anew by somebody", Some(object("1", false)), &none, Some(Some(Kept::Foreign))),
            ("placed by k3s, never applied", Some(object("1", true)), &none, Some(None)),
            ("a claim", Some(claim.clone()), &none, Some(Some(Kept::Data))),
            ("a claim that is named", Some(claim), &named, Some(None)),
            ("gone", None, &none, None),
        ] {
            let mut observed = Observed::default();
            let mut key = key();
            if let Some(live) = &live {
                key.kind = live["kind"].as_str().unwrap().to_owned();
            }
            observed.inventory.put(key.clone(), Wave::Objects);
            observed.former.extend(live.map(|live| (key, live)));
            let former = plan(&[], &observed, consent).former;
            assert_eq!(former.first().map(|it| it.kept), kept, "{case}");
        }
        // Still declared: whatever it is, it does not go.
        let mut observed = Observed::default();
        observed.inventory.put(key(), Wave::Objects);
        observed.former.insert(key(), applied(object("1", false)));
        assert!(plan(&files(), &observed, &none).former.is_empty());
    }
}
