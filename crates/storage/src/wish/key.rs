//! The keys that a machine's disks are opened with.

use super::{BootKey, Kind, Wish};
use crate::NodeId;

/// What has a key of its own: a container, or an encrypted dataset of a ZFS pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Key<'a> {
    /// Whose: `luks.crypt`, `zpool.tank.home`.
    pub node: NodeId,
    /// The file with the key where homehive runs; asked for if absent.
    pub file: Option<&'a str>,
    /// Which part of a file the machine itself reads, if it is such a key.
    pub boot: Option<&'a BootKey>,
}

impl Wish {
    /// Every key, in the tree's order.
    pub fn keys(&self) -> Vec<Key<'_>> {
        let mut keys = Vec::new();
        for node in &self.nodes {
            match &node.kind {
                Kind::Crypt(crypt) => keys.push(Key {
                    node: node.id.clone(),
                    file: crypt.key_file.as_deref(),
                    boot: crypt.boot_key.as_ref(),
                }),
                Kind::Pool(pool) => keys.extend(pool.datasets.iter().filter_map(|dataset| {
                    let file = dataset.encryption.as_ref()?.key_file.as_deref();
                    Some(Key { node: node.id.dataset(&dataset.path), file, boot: None })
                })),
                Kind::Disk(_)
                | Kind::Partition(_)
                | Kind::Array(_)
                | Kind::Group(_)
                | Kind::Volume(_)
                | Kind::Zvol(_) => {}
            }
        }
        keys
    }
}
