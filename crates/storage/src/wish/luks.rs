//! A resolved LUKS container: how it is made, opened at work, and opened when the machine boots.

use super::{Holds, Kind, Wish};
use crate::identity::{self, Role};
use crate::tree::{self, Unlock};
use crate::{Name, NodeId, Size};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// An opened LUKS container. What lies below it holds its header.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Crypt {
    /// What it is called: `/dev/mapper/NAME`.
    pub name: Name,
    /// The header's UUID.
    pub uuid: Uuid,
    /// The file with the key where homehive runs; asked for if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// Where the machine finds the key when it boots; asked for at its console if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_key: Option<BootKey>,
    /// What opens it beside its key; what was enrolled is left alone if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlock: Option<Unlock>,
    /// Is it opened in stage 1?
    pub initrd: bool,
    /// Does the device below hear what is free?
    pub allow_discards: bool,
    /// Memory that it takes to try a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pbkdf_memory: Option<Size>,
    /// Milliseconds that it takes to try a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pbkdf_time: Option<u32>,
}

/// The key as the machine itself finds it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BootKey {
    /// A file or a device.
    pub file: String,
    /// Bytes of it that are the key; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Bytes before the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
}

impl Crypt {
    /// As declared.
    pub(super) fn new(declared: &tree::Luks, namespace: Uuid) -> Self {
        let id = NodeId::crypt(&declared.name);
        Self {
            name: declared.name.clone(),
            uuid: declared.uuid.unwrap_or_else(|| identity::identity(namespace, &id, Role::Luks)),
            key_file: declared.key_file.clone(),
            boot_key: declared.boot_key_file.clone().map(|file| BootKey {
                file,
                size: declared.boot_key_size,
                offset: declared.boot_key_offset,
            }),
            unlock: declared.unlock.clone().map(Unlock::sorted),
            initrd: declared.initrd.unwrap_or(true),
            allow_discards: declared.allow_discards,
            pbkdf_memory: declared.pbkdf_memory,
            pbkdf_time: declared.pbkdf_time,
        }
    }
}

impl Wish {
    /// The containers that a node lies in, and that all devices of its btrfs lie in.
    pub fn crypts_of(&self, id: &NodeId) -> Vec<(&NodeId, &Crypt)> {
        let (mut found, mut seen) = (Vec::new(), Vec::new());
        let mut todo = vec![id.clone()];
        while let Some(id) = todo.pop() {
            let Some(node) = self.node(&id).filter(|_| !seen.contains(&id)) else { continue };
            if let Kind::Crypt(crypt) = &node.kind {
                found.push((&node.id, crypt));
            }
            let members = node.holds.as_ref().and_then(Holds::btrfs).map_or(&[][..], |btrfs| &btrfs.members);
            todo.extend(node.on.iter().chain(members).cloned());
            seen.push(id);
        }
        found
    }
}

impl Holds {
    /// The node that the opened container is.
    pub fn crypt(&self) -> Option<&NodeId> {
        if let Self::Luks { crypt, .. } = self { Some(crypt) } else { None }
    }
}
