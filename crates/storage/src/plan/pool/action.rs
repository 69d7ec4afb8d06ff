//! What is done to a ZFS pool and in it, in words for people and for the machine.

use super::super::group::script;
use super::super::step::settle;
use super::{EMPTY, EMPTY_SNAPSHOT, HOST_ID, PENDING, list};
use crate::wish::{Dataset, Vdev};
use crate::{Name, NodeId};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is done to a pool, or in it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolAction {
    /// Makes it.
    Create {
        /// Its name.
        name: String,
        /// The comment that it is known by.
        mark: String,
        /// Its vdevs.
        vdevs: Vec<Vdev>,
        /// Its properties.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        properties: BTreeMap<String, String>,
        /// Its root dataset.
        root: Box<Dataset>,
        /// Under which number this machine makes it, where it is another machine's for now: the installer's.
        #[serde(skip_serializing_if = "Option::is_none")]
        host_id: Option<String>,
        /// The pool that is destroyed first, if it is imported.
        #[serde(skip_serializing_if = "Option::is_none")]
        destroy: Option<String>,
    },
    /// Imports it.
    Import {
        /// Its name.
        name: String,
        /// Its GUID.
        guid: String,
        /// The nodes that are its devices.
        members: Vec<NodeId>,
        /// As for [`PoolAction::Create`].
        #[serde(skip_serializing_if = "Option::is_none")]
        host_id: Option<String>,
        /// Has it volumes, whose devices are waited for?
        volumes: bool,
    },
    /// Makes a filesystem or a volume in it.
    Dataset {
        /// ZFS's name of it.
        full: String,
        /// What it is.
        dataset: Box<Dataset>,
    },
    /// Opens what is encrypted.
    Key {
        /// ZFS's name of the dataset that has the key.
        full: String,
        /// The node whose key it is.
        key: NodeId,
        /// Has the pool volumes, whose devices are waited for?
        volumes: bool,
    },
    /// Takes the snapshot of a dataset in which nothing is yet.
    Snapshot {
        /// ZFS's name of the dataset.
        full: String,
        /// What the snapshot is called.
        name: Name,
    },
    /// Sets properties of a dataset.
    Set {
        /// ZFS's name of it.
        full: String,
        /// Which.
        properties: BTreeMap<String, String>,
    },
    /// Sets properties of the pool.
    SetPool {
        /// Its name.
        name: String,
        /// Which.
        properties: BTreeMap<String, String>,
    },
    /// Adds vdevs.
    Add {
        /// The pool's name.
        name: String,
        /// The vdevs.
        vdevs: Vec<Vdev>,
    },
    /// Makes a device, or a mirror, a mirror of one more.
    Attach {
        /// The pool's name.
        name: String,
        /// The GUID of a device that is there.
        to: String,
        /// The node that joins.
        new: NodeId,
    },
    /// Lets a node take the place of a device that is not declared any more.
    Replace {
        /// The pool's name.
        name: String,
        /// The GUID of the device whose place it takes.
        old: String,
        /// The node.
        new: NodeId,
    },
    /// Lets it use all of its devices.
    Expand {
        /// The pool's name.
        name: String,
        /// The GUIDs of its devices.
        members: Vec<String>,
    },
}

fn described(vdevs: &[Vdev]) -> String {
    let one = |vdev: &Vdev| {
        let class = vdev.class.word().map(|word| format!("{word} ")).unwrap_or_default();
        let mode = vdev.mode.map(|mode| format!("{mode} of ")).unwrap_or_default();
        format!("{class}{mode}{}", list(&vdev.members))
    };
    vdevs.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl PoolAction {
    pub(in super::super) fn describe(&self) -> String {
        let set = |properties: &BTreeMap<String, String>| {
            properties.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Create { name, vdevs, .. } => format!("make ZFS pool {name}: {}", described(vdevs)),
            Self::Import { name, .. } => format!("import ZFS pool {name}"),
            Self::Dataset { full, dataset } => {
                let encrypted = if dataset.encryption.is_some() { "encrypted " } else { "" };
                match dataset.volume {
                    Some(size) => format!("make {encrypted}ZFS volume {full} of {size}"),
                    None => format!("make {encrypted}ZFS filesystem {full}"),
                }
            }
            Self::Key { full, .. } => format!("open the encryption of {full}"),
            Self::Snapshot { full, name } => format!("take the empty snapshot {full}@{name}"),
            Self::Set { full, properties } => format!("set of {full}: {}", set(properties)),
            Self::SetPool { name, properties } => format!("set of ZFS pool {name}: {}", set(properties)),
            Self::Add { name, vdevs } => format!("add to ZFS pool {name}: {}", described(vdevs)),
            Self::Attach { name, new, .. } => format!("let {new} join a mirror of ZFS pool {name}"),
            Self::Replace { name, new, .. } => format!("let {new} take a place in ZFS pool {name}"),
            Self::Expand { name, .. } => format!("let ZFS pool {name} use all of its devices"),
        }
    }

    pub(in super::super) fn commands(&self, node: &NodeId) -> Vec<Cmd> {
        let sync = |name: &str| Cmd::new("zpool").args(["sync", name]);
        let known = |host_id: &Option<String>| {
            let known = host_id.iter().map(|id| script(HOST_ID, "host-id.sh").arg(id.as_str()));
            std::iter::once(Cmd::new("modprobe").arg("zfs")).chain(known).collect::<Vec<_>>()
        };
        match self {
            Self::Create { name, mark, vdevs, properties, root, host_id, destroy } => {
                let members: Vec<NodeId> = vdevs.iter().flat_map(|vdev| &vdev.members).cloned().collect();
                let destroy = destroy.iter().map(|name| Cmd::new("zpool").args(["destroy", "-f", name]));
                let clear = members.iter().fold(Cmd::new("wipefs").args(["--all", "--quiet"]), Cmd::device);
                // Its filesystems are mounted by whoever mounts all others, never by ZFS itself.
                let own = ["-o", "cachefile=none", "-m", "legacy"];
                let make = Cmd::new("zpool").args(["create", "-f"]).args(own).args(["-o", &format!("comment={mark}")]);
                let make = pairs(make, "-o", properties);
                let make = pairs(encrypted(make, "-O", root, node), "-O", &root.properties);
                let make = pending(make, "-O", root).arg(name.as_str());
                let make = topology(make, vdevs);
                let commands = known(host_id).into_iter().chain(destroy).chain([clear, make]);
                let done = boot_key(name, root).into_iter().chain(empty(name, root)).chain([sync(name), settle()]);
                commands.chain(done).collect()
            }
            Self::Import { guid, members, host_id, volumes, .. } => {
                // It is ours, by its mark, and its disks are in this machine: whoever used it last does not any more.
                let import = Cmd::new("zpool").args(["import", "-N", "-f", "-o", "cachefile=none"]);
                let import = members.iter().fold(import, |cmd, member| cmd.arg("-d").device(member)).arg(guid.as_str());
                known(host_id).into_iter().chain([import, settle()]).chain(appear(*volumes)).collect()
            }
            Self::Dataset { full, dataset } => {
                let key = node.dataset(&dataset.path);
                let make = Cmd::new("zfs").args(["create", "-p"]);
                let make = pairs(encrypted(make, "-o", dataset, &key), "-o", &dataset.properties);
                let make = pending(make, "-o", dataset);
                let size = dataset.volume.map(|size| ["-V".to_owned(), size.0.to_string()]);
                let make = make.args(size.into_iter().flatten()).arg(full.as_str());
                let pool = full.split('/').next().unwrap_or_default();
                let made = std::iter::once(make)
                    .chain(boot_key(full, dataset))
                    .chain(empty(full, dataset))
                    .chain([sync(pool)]);
                made.chain(appear(dataset.volume.is_some())).collect()
            }
            Self::Key { full, key, volumes } => {
                let load = Cmd::new("zfs").args(["load-key", "-L", "prompt", full]).key(key);
                std::iter::once(load).chain(appear(*volumes)).collect()
            }
            Self::Snapshot { full, name } => vec![snapshot(full, name)],
            Self::Set { full, properties } => {
                let set = properties.iter().map(|(key, value)| format!("{key}={value}"));
                vec![Cmd::new("zfs").arg("set").args(set).arg(full.as_str())]
            }
            Self::SetPool { name, properties } => {
                let set =
                    |(key, value): (&String, &String)| Cmd::new("zpool").args(["set", &format!("{key}={value}"), name]);
                properties.iter().map(set).collect()
            }
            Self::Add { name, vdevs } => {
                vec![topology(Cmd::new("zpool").args(["add", "-f", name]), vdevs), sync(name), settle()]
            }
            Self::Attach { name, to, new } => {
                vec![Cmd::new("zpool").args(["attach", "-f", name, to]).device(new), sync(name), settle()]
            }
            Self::Replace { name, old, new } => {
                vec![Cmd::new("zpool").args(["replace", "-f", name, old]).device(new), sync(name), settle()]
            }
            Self::Expand { name, members } => {
                vec![Cmd::new("zpool").args(["online", "-e", name]).args(members.iter().map(String::as_str))]
            }
        }
    }

    /// The nodes that it writes anew.
    pub(in super::super) fn begins(&self) -> Vec<NodeId> {
        match self {
            Self::Create { vdevs, .. } | Self::Add { vdevs, .. } => {
                vdevs.iter().flat_map(|vdev| &vdev.members).cloned().collect()
            }
            Self::Attach { new, .. } | Self::Replace { new, .. } => vec![new.clone()],
            Self::Import { .. }
            | Self::Dataset { .. }
            | Self::Key { .. }
            | Self::Snapshot { .. }
            | Self::Set { .. }
            | Self::SetPool { .. }
            | Self::Expand { .. } => Vec::new(),
        }
    }
}

fn pairs(cmd: Cmd, option: &str, properties: &BTreeMap<String, String>) -> Cmd {
    properties.iter().fold(cmd, |cmd, (key, value)| cmd.args([option, &format!("{key}={value}")]))
}

/// With what a key of its own wants; the passphrase comes by standard input.
fn encrypted(cmd: Cmd, option: &str, dataset: &Dataset, key: &NodeId) -> Cmd {
    let Some(encryption) = &dataset.encryption else { return cmd };
    let words =
        [format!("encryption={}", encryption.cipher), "keyformat=passphrase".into(), "keylocation=prompt".into()];
    words.iter().fold(cmd.key(key), |cmd, word| cmd.args([option, word]))
}

/// Where the machine itself finds the passphrase.
fn boot_key(full: &str, dataset: &Dataset) -> Option<Cmd> {
    let file = dataset.encryption.as_ref()?.boot_key_file.as_ref()?;
    Some(Cmd::new("zfs").args(["set", &format!("keylocation=file://{file}"), full]))
}

/// Says of a dataset that its snapshot is to be taken.
fn pending(cmd: Cmd, option: &str, dataset: &Dataset) -> Cmd {
    let said = dataset.empty_snapshot.iter().map(|_| format!("{EMPTY_SNAPSHOT}={PENDING}"));
    said.fold(cmd, |cmd, said| cmd.args([option, &said]))
}

/// Takes it.
fn empty(full: &str, dataset: &Dataset) -> Option<Cmd> {
    dataset.empty_snapshot.as_ref().map(|name| snapshot(full, name))
}

fn snapshot(full: &str, name: &Name) -> Cmd {
    script(EMPTY, "empty.sh").args([full, name.as_ref(), EMPTY_SNAPSHOT])
}

/// The devices of volumes come a while after the volumes.
fn appear(volumes: bool) -> Option<Cmd> {
    volumes.then(|| Cmd::new("zvol_wait"))
}

/// Its vdevs as zpool(8) reads them: the word of a class once, and a device that stands alone before any vdev of several,
/// which would take it for one of its own.
fn topology(cmd: Cmd, vdevs: &[Vdev]) -> Cmd {
    let mut sorted: Vec<&Vdev> = vdevs.iter().collect();
    sorted.sort_by_key(|vdev| (vdev.class, vdev.mode.is_some()));
    let classes = sorted.chunk_by(|one, other| one.class == other.class);
    classes.fold(cmd, |cmd, vdevs| {
        let cmd = cmd.args(vdevs.first().and_then(|vdev| vdev.class.word()));
        vdevs.iter().fold(cmd, |cmd, vdev| {
            vdev.members.iter().fold(cmd.args(vdev.mode.map(crate::tree::VdevMode::word)), Cmd::device)
        })
    })
}
