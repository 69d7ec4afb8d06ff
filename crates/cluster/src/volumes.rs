//! Volumes that outlive the cluster: directories on a machine's own disks, at places that are the same in every cluster of
//! the fleet. Kubernetes makes none of them and removes none: NixOS makes the directories, and their data stay. What of a
//! volume may not follow what was rendered before is said in `rendered`.

use crate::meta::{named, unnamespaced};
use crate::namespaces::SAMBA;
use crate::{Manifest, Object, ObjectError, RenderError, Wave};
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
pub(crate) const UNKNOWN: &str = "8191Ti";

/// What a claim asks for. Which volume it gets is said by name, and a claim's size cannot change once it is bound; how
/// much there is says the volume.
const ASKED: &str = "1Mi";

/// A volume: a directory of a machine, kept for one claim.
#[derive(Clone, Debug)]
pub struct Local<'a> {
    /// The volume's name.
    pub name: String,
    /// The claim's namespace and name.
    pub claim: (&'a str, &'a str),
    /// The machine that has the disks.
    pub machine: &'a HostName,
    /// The directory.
    pub path: String,
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

/// A share's volume.
pub(crate) fn of_share<'a>(name: &'a ShareName, share: &'a Share) -> Local<'a> {
    Local {
        name: format!("share-{name}"),
        claim: (SAMBA, name.as_ref()),
        machine: &share.machine,
        path: share_path(name, share),
        size: share.size,
    }
}

/// The storage class, and the shares' volumes and claims; nothing if nothing needs them.
pub(crate) fn manifests(fleet: &Fleet) -> Result<Vec<Manifest>, RenderError> {
    if fleet.shares.is_empty() && fleet.monitoring.is_none() {
        return Ok(Vec::new());
    }
    let head = "The class of volumes on the machines' own disks: each is declared, none is made.";
    let objects = vec![Object::of(&class())?];
    let mut all = vec![Manifest { wave: Wave::Ground, name: "storage-class".into(), head: head.into(), objects }];
    for (name, share) in &fleet.shares {
        all.push(of_share(name, share).manifest(Claim::Ours)?);
    }
    Ok(all)
}

/// Who makes the claim on a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// homehive.
    Ours,
    /// An operator.
    Operators,
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
    /// The name of the file that it stands in: no other volume does.
    pub fn file_name(&self) -> String {
        Manifest { wave: Wave::Ground, name: self.manifest_name(), head: String::new(), objects: Vec::new() }
            .file_name()
    }

    fn manifest_name(&self) -> String {
        format!("volume-{}", self.name)
    }

    /// The volume with its claim.
    pub(crate) fn manifest(&self, claim: Claim) -> Result<Manifest, ObjectError> {
        let mut objects = vec![Object::of(&self.volume())?];
        if claim == Claim::Ours {
            objects.push(Object::of(&self.claim())?);
        }
        let head = "A volume on a machine's own disks. It is kept (Retain), whatever becomes of its claim or of the cluster. A\n\
                    claim names its volume; how much there is says the volume.";
        Ok(Manifest { wave: Wave::Ground, name: self.manifest_name(), head: head.into(), objects })
    }

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
            local: Some(LocalVolumeSource { path: self.path.clone(), fs_type: None }),
            node_affinity: Some(VolumeNodeAffinity { required: Some(NodeSelector { node_selector_terms: terms }) }),
            ..PersistentVolumeSpec::default()
        };
        PersistentVolume { metadata: unnamespaced(&self.name), spec: Some(spec), ..PersistentVolume::default() }
    }

    /// The claim on it.
    pub fn claim(&self) -> PersistentVolumeClaim {
        let (namespace, name) = self.claim;
        let asked = [("storage".to_owned(), Quantity(ASKED.into()))].into();
        let spec = PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            storage_class_name: Some(CLASS.into()),
            volume_mode: Some("Filesystem".into()),
            volume_name: Some(self.name.clone()),
            resources: Some(VolumeResourceRequirements { requests: Some(asked), limits: None }),
            ..PersistentVolumeClaimSpec::default()
        };
        let metadata = named(namespace, name);
        PersistentVolumeClaim { metadata, spec: Some(spec), ..PersistentVolumeClaim::default() }
    }
}

/// What [`quantity`] wrote.
pub(crate) fn bytes(text: &str) -> Option<Size> {
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
    use super::{bytes, quantity};
    use proptest::prelude::*;
    use storage::Size;

    proptest! {
        #[test]
        fn a_quantity_reads_back(size: u64) {
            prop_assert_eq!(bytes(&quantity(Size(size))), Some(Size(size)));
        }
    }
}
