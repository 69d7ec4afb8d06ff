//! Volumes that outlive the cluster: directories on a machine's own disks, at places that are the same in every cluster of
//! the fleet. Kubernetes makes none of them and removes none: NixOS makes the directories, and their data stay.

use crate::meta::{named, unnamespaced};
use crate::namespaces::SAMBA;
use crate::{Manifest, Object, RenderError, Wave};
use fleet::{Fleet, HostName, Share, ShareName};
use k8s_openapi::api::core::v1::{
    LocalVolumeSource, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, ObjectReference, PersistentVolume,
    PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeSpec, VolumeNodeAffinity,
    VolumeResourceRequirements,
};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use storage::Size;

/// The storage class of volumes that homehive declares one by one.
pub const CLASS: &str = "homehive-local";

/// The capacity of a volume without a size: nobody counts the bytes of a directory, and no machine has as many.
const UNKNOWN: &str = "8191Ti";

/// The file that the volumes stand in.
pub const FILE: &str = "10-volumes.yaml";

/// What a claim asks for. Which volume it gets is said by name, and a claim's size cannot change once it is bound; how
/// much there is says the volume.
const ASKED: &str = "1Mi";

/// A volume: a directory of a machine, kept for one claim.
#[derive(Clone, Debug)]
pub struct Local<'a> {
    /// The volume's name.
    pub name: &'a str,
    /// The claim's namespace and name.
    pub claim: (&'a str, &'a str),
    /// The machine that has the disks.
    pub machine: &'a HostName,
    /// The directory.
    pub path: &'a str,
    /// How much it may hold, as far as it was said.
    pub size: Option<Size>,
}

/// Where a share's data lie.
pub fn share_path(name: &ShareName, share: &Share) -> String {
    below(&share.volume, &format!("kubernetes/shares/{name}"))
}

pub(crate) fn below(volume: &str, path: &str) -> String {
    format!("{}/{path}", volume.trim_end_matches('/'))
}

/// The storage class, and the shares' volumes and claims; nothing if nothing needs them.
pub(crate) fn manifests(fleet: &Fleet) -> Result<Vec<Manifest>, RenderError> {
    if fleet.shares.is_empty() && fleet.monitoring.is_none() {
        return Ok(Vec::new());
    }
    let mut objects = vec![Object::of(&class())?];
    for (name, share) in &fleet.shares {
        let (volume, path) = (format!("share-{name}"), share_path(name, share));
        let local = Local {
            name: &volume,
            claim: (SAMBA, name.as_ref()),
            machine: &share.machine,
            path: &path,
            size: share.size,
        };
        objects.extend([Object::of(&local.volume())?, Object::of(&local.claim())?]);
    }
    let head = "Volumes on the machines' own disks. They are kept (Retain), whatever becomes of claims, shares or the\n\
                cluster. A claim names its volume; how much there is says the volume.";
    Ok(vec![Manifest { wave: Wave::Ground, name: "volumes".into(), head: head.into(), objects }])
}

fn class() -> StorageClass {
    StorageClass {
        metadata: unnamespaced(CLASS),
        provisioner: "kubernetes.io/no-provisioner".into(),
        reclaim_policy: Some("Retain".into()),
        volume_binding_mode: Some("WaitForFirstConsumer".into()),
        ..StorageClass::default()
    }
}

impl Local<'_> {
    /// The volume.
    pub fn volume(&self) -> PersistentVolume {
        let (namespace, name) = self.claim;
        let here = NodeSelectorRequirement {
            key: "kubernetes.io/hostname".into(),
            operator: "In".into(),
            values: Some(vec![self.machine.to_string()]),
        };
        let terms = vec![NodeSelectorTerm { match_expressions: Some(vec![here]), match_fields: None }];
        let size = self.size.map_or_else(|| UNKNOWN.to_owned(), quantity);
        let spec = PersistentVolumeSpec {
            capacity: Some([("storage".to_owned(), Quantity(size))].into()),
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            persistent_volume_reclaim_policy: Some("Retain".into()),
            storage_class_name: Some(CLASS.into()),
            volume_mode: Some("Filesystem".into()),
            claim_ref: Some(ObjectReference {
                api_version: Some("v1".into()),
                kind: Some("PersistentVolumeClaim".into()),
                namespace: Some(namespace.into()),
                name: Some(name.into()),
                ..ObjectReference::default()
            }),
            local: Some(LocalVolumeSource { path: self.path.into(), fs_type: None }),
            node_affinity: Some(VolumeNodeAffinity { required: Some(NodeSelector { node_selector_terms: terms }) }),
            ..PersistentVolumeSpec::default()
        };
        PersistentVolume { metadata: unnamespaced(self.name), spec: Some(spec), ..PersistentVolume::default() }
    }

    /// The claim on it.
    pub fn claim(&self) -> PersistentVolumeClaim {
        let (namespace, name) = self.claim;
        let asked = [("storage".to_owned(), Quantity(ASKED.into()))].into();
        let spec = PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            storage_class_name: Some(CLASS.into()),
            volume_mode: Some("Filesystem".into()),
            volume_name: Some(self.name.into()),
            resources: Some(VolumeResourceRequirements { requests: Some(asked), limits: None }),
            ..PersistentVolumeClaimSpec::default()
        };
        let metadata = named(namespace, name);
        PersistentVolumeClaim { metadata, spec: Some(spec), ..PersistentVolumeClaim::default() }
    }
}

/// A share that is to hold less than it was told before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// Which.
    pub share: ShareName,
    /// What it was told.
    pub was: Size,
    /// What the fleet says now.
    pub is: Size,
}

/// The shares that hold less now than by the text of a [`FILE`] that was rendered before. Those that had no size, or have
/// none now, do not shrink; what is no such file has no shares.
pub fn shrunk(fleet: &Fleet, rendered: &str) -> Vec<Shrunk> {
    let objects = serde_saphyr::from_multiple::<serde_json::Value>(rendered).unwrap_or_default();
    let mut found = Vec::new();
    for (name, share) in &fleet.shares {
        let volume = format!("share-{name}");
        let before = objects.iter().find(|it| {
            it.pointer("/kind").is_some_and(|kind| kind == "PersistentVolume")
                && it.pointer("/metadata/name").is_some_and(|name| *name == volume)
        });
        let text = before.and_then(|it| it.pointer("/spec/capacity/storage")).and_then(serde_json::Value::as_str);
        let was = text.filter(|text| *text != UNKNOWN).and_then(bytes);
        if let (Some(was), Some(is)) = (was, share.size)
            && is < was
        {
            found.push(Shrunk { share: name.clone(), was, is });
        }
    }
    found
}

/// What [`quantity`] wrote.
fn bytes(text: &str) -> Option<Size> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let bits = match &text[digits.len()..] {
        "" => 0,
        "Ki" => 10,
        "Mi" => 20,
        "Gi" => 30,
        "Ti" => 40,
        "Pi" => 50,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << bits).map(Size)
}

/// A size as Kubernetes writes it, in the largest unit that divides it.
fn quantity(size: Size) -> String {
    let units = [("Pi", 50_u32), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let fits = units.into_iter().find(|(_, bits)| size.0 > 0 && size.0.is_multiple_of(1 << bits));
    fits.map_or_else(|| size.0.to_string(), |(unit, bits)| format!("{}{unit}", size.0 >> bits))
}

#[cfg(test)]
mod tests {
    use super::{bytes, quantity, shrunk};
    use fleet::{Fleet, Format};
    use proptest::prelude::*;
    use storage::Size;

    fn fleet(size: &str) -> Fleet {
        let text = include_str!("../../../examples/nas/fleet.toml").replace("size = \"2TiB\"", size);
        Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap()
    }

    #[test]
    fn a_share_shrinks_against_what_was_rendered() {
        let rendered = |fleet: &Fleet| super::manifests(fleet).unwrap()[0].text().unwrap();
        let two = rendered(&fleet("size = \"2TiB\""));
        for (case, now, wanted) in [
            ("the same", "size = \"2TiB\"", None),
            ("grown", "size = \"3TiB\"", None),
            ("shrunk", "size = \"1TiB\"", Some(("2TiB", "1TiB"))),
            ("a byte less", "size = \"2047GiB\"", Some(("2TiB", "2047GiB"))),
        ] {
            let found = shrunk(&fleet(now), &two);
            let found: Vec<_> = found.iter().map(|it| (it.was.to_string(), it.is.to_string())).collect();
            let wanted: Vec<_> = wanted.iter().map(|(was, is)| ((*was).to_owned(), (*is).to_owned())).collect();
            assert_eq!(found, wanted, "{case}");
        }
        assert_eq!(shrunk(&fleet("size = \"1TiB\""), "nonsense: ["), []);
        // The storage share had no size: it was told of no limit.
        let text = include_str!("../../../examples/nas/fleet.toml").replace("size = \"10TiB\"\n", "");
        let unlimited = Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap();
        assert_eq!(shrunk(&fleet("size = \"2TiB\""), &rendered(&unlimited)), []);
    }

    proptest! {
        #[test]
        fn a_quantity_reads_back(size: u64) {
            prop_assert_eq!(bytes(&quantity(Size(size))), Some(Size(size)));
        }
    }
}
