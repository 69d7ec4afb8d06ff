//! A resolved ZFS pool: its vdevs, its datasets, and the volumes among them.

use super::Kind;
use super::resolve::Resolver;
use crate::facts;
use crate::identity::{self, Role};
use crate::tree::{self, VdevMode};
use crate::{Name, NodeId, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A ZFS pool.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Pool {
    /// Its name.
    pub name: Name,
    /// What it is known by: the comment that it bears in each of its devices' labels, for ZFS chooses GUIDs itself.
    pub mark: String,
    /// Under which number ZFS knows the machine, 8 hexadecimal digits: NixOS' `networking.hostId`.
    pub host_id: String,
    /// The GUID of a pool that is adopted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// Its vdevs, those with the data first.
    pub vdevs: Vec<Vdev>,
    /// Properties of the pool.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Its datasets, each behind those that it lies in; the first is the root.
    pub datasets: Vec<Dataset>,
}

/// Devices of a pool that serve together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Vdev {
    /// For what.
    pub class: VdevClass,
    /// How they keep it; none if each stands on its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<VdevMode>,
    /// The nodes that are its devices.
    pub members: Vec<NodeId>,
}

/// What devices of a pool are for, see zpoolconcepts(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VdevClass {
    /// The data.
    Data,
    /// Metadata and small blocks.
    Special,
    /// The tables of deduplication.
    Dedup,
    /// What must be on disk at once.
    Log,
    /// Copies of what is read often.
    Cache,
    /// They stand by.
    Spare,
}

impl VdevClass {
    /// The word that comes before such vdevs in zpool(8)'s arguments; none for the data.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Data => None,
            Self::Special => Some("special"),
            Self::Dedup => Some("dedup"),
            Self::Log => Some("log"),
            Self::Cache => Some("cache"),
            Self::Spare => Some("spare"),
        }
    }

    /// Is the pool lost with such a vdev?
    pub fn vital(self) -> bool {
        match self {
            Self::Data | Self::Special | Self::Dedup => true,
            Self::Log | Self::Cache | Self::Spare => false,
        }
    }
}

/// A filesystem or a volume in a pool.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Dataset {
    /// Where it lies in the pool; empty for the root.
    pub path: String,
    /// How large, if it is a volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<Size>,
    /// Where it is mounted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mountpoint: Option<String>,
    /// Mount options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Its own properties.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// The snapshot that is taken of it while nothing is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_snapshot: Option<Name>,
    /// Set if it has a key of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// How a dataset is encrypted.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Encryption {
    /// The cipher, as zfsprops(7) has it.
    pub cipher: String,
    /// The file with the passphrase, where homehive runs; asked for if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// The file with the passphrase on the machine itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_key_file: Option<String>,
}

/// A volume of a pool, a device of its own.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Zvol {
    /// The pool's name.
    pub pool: Name,
    /// Where it lies in the pool.
    pub path: String,
    /// How large.
    pub size: Size,
}

impl Pool {
    /// As declared at `id`, on a machine that has this host id already; members that no list names are not known yet.
    fn new(name: &Name, declared: &tree::Zpool, namespace: Uuid, id: &NodeId, host_id: Option<&str>) -> Self {
        let root = Dataset {
            path: String::new(),
            volume: None,
            mountpoint: declared.mountpoint.clone(),
            options: declared.options.clone(),
            properties: declared.properties.clone(),
            empty_snapshot: declared.empty_snapshot.clone(),
            encryption: declared.encryption.as_ref().map(Encryption::new),
        };
        let below = declared.datasets.iter().map(|(path, dataset)| Dataset {
            path: path.to_string(),
            volume: dataset.size,
            mountpoint: dataset.mountpoint.clone(),
            options: dataset.options.clone(),
            properties: dataset.properties.clone(),
            empty_snapshot: dataset.empty_snapshot.clone(),
            encryption: dataset.encryption.as_ref().map(Encryption::new),
        });
        Self {
            name: name.clone(),
            // ZFS takes 32 characters, which are as many as its digits.
            mark: identity::identity(namespace, id, Role::Pool).simple().to_string(),
            host_id: host_id.map_or_else(|| format!("{:08x}", identity::short(namespace)), str::to_owned),
            guid: declared.guid.clone(),
            vdevs: Vec::new(),
            properties: declared.pool_properties.clone(),
            datasets: std::iter::once(root).chain(below).collect(),
        }
    }

    /// With these devices: those that no list names make one vdev.
    pub(super) fn over(&mut self, declared: &tree::Zpool, all: &[NodeId]) {
        let listed = |class, list: &[tree::Vdev]| -> Vec<Vdev> {
            list.iter().map(|vdev| Vdev { class, mode: vdev.mode, members: vdev.members.clone() }).collect()
        };
        let alone = |class, members: &[NodeId]| {
            (!members.is_empty()).then(|| Vdev { class, mode: None, members: members.to_vec() })
        };
        let mut vdevs = listed(VdevClass::Data, &declared.vdev);
        for (class, list) in [
            (VdevClass::Special, &declared.special),
            (VdevClass::Dedup, &declared.dedup),
            (VdevClass::Log, &declared.log),
        ] {
            vdevs.extend(listed(class, list));
        }
        vdevs.extend(alone(VdevClass::Cache, &declared.cache));
        vdevs.extend(alone(VdevClass::Spare, &declared.spare));
        let named = |id: &&NodeId| vdevs.iter().any(|vdev| vdev.members.contains(id));
        let members: Vec<NodeId> = all.iter().filter(|id| !named(id)).cloned().collect();
        if !members.is_empty() {
            vdevs.insert(0, Vdev { class: VdevClass::Data, mode: declared.mode, members });
        }
        for vdev in &mut vdevs {
            vdev.members.retain(|id| all.contains(id));
        }
        self.vdevs = vdevs;
    }

    /// Is it this imported one?
    pub fn is(&self, found: &facts::Pool) -> bool {
        self.is_known_by(Some(&found.guid), found.mark())
    }

    /// By the GUID that was adopted, or by its mark: also an adopted one has that, once it was made anew.
    pub(crate) fn is_known_by(&self, guid: Option<&str>, mark: Option<&str>) -> bool {
        (self.guid.is_some() && self.guid.as_deref() == guid) || mark == Some(self.mark.as_str())
    }

    /// All of its devices.
    pub fn members(&self) -> impl Iterator<Item = &NodeId> {
        self.vdevs.iter().flat_map(|vdev| &vdev.members)
    }

    /// What ZFS calls a dataset: `tank/home`.
    pub fn full(&self, path: &str) -> String {
        if path.is_empty() { self.name.to_string() } else { format!("{}/{path}", self.name) }
    }
}

impl Resolver<'_> {
    pub fn pools(&mut self) {
        // A machine has one for all of them.
        let host_id = self.storage.zpool.values().find_map(|declared| declared.host_id.as_deref());
        for (name, declared) in &self.storage.zpool {
            let id = NodeId::pool(name);
            let pool = Pool::new(name, declared, self.namespace, &id, host_id);
            self.add(id.clone(), Kind::Pool(pool), Vec::new(), declared.persistent, None);
            for (path, dataset) in &declared.datasets {
                let Some(size) = dataset.size else { continue };
                let volume = Zvol { pool: name.clone(), path: path.to_string(), size };
                let child = id.dataset(path.as_ref());
                self.add(child, Kind::Zvol(volume), vec![id.clone()], None, dataset.content.as_ref());
            }
        }
    }

    /// Each pool learns its devices.
    pub fn settle_pools(&mut self) {
        for (name, declared) in &self.storage.zpool {
            let Some((node, _)) = self.found.get_mut(&NodeId::pool(name)) else { continue };
            if let Kind::Pool(pool) = &mut node.kind {
                pool.over(declared, &node.on);
            }
        }
    }
}

impl Zvol {
    /// What ZFS calls it: `tank/swap`.
    pub fn full(&self) -> String {
        format!("{}/{}", self.pool, self.path)
    }
}

impl Encryption {
    fn new(declared: &tree::Encryption) -> Self {
        Self {
            cipher: declared.cipher.clone().unwrap_or_else(|| "aes-256-gcm".to_owned()),
            key_file: declared.key_file.clone(),
            boot_key_file: declared.boot_key_file.clone(),
        }
    }
}
