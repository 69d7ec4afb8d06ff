//! The keys that a machine's disks are opened with.

use super::{BootKey, Kind, Wish};
use crate::NodeId;

/// What has a key of its own: a container, or an encrypted dataset of a ZFS pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Key<'a> {
    /// Whose: `luks.crypt`, `zpool.tank.home`; a further key has a name below (`luks.crypt.recovery`).
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
                Kind::Crypt(crypt) => {
                    let (file, boot) = (crypt.key_file.as_deref(), crypt.boot_key.as_ref());
                    keys.push(Key { node: node.id.clone(), file, boot });
                    let further = crypt.unlock.iter().flat_map(|unlock| &unlock.keys);
                    let further = further.map(|(name, file)| (node.id.child(name), Some(file.as_str())));
                    keys.extend(further.map(|(node, file)| Key { node, file, boot: None }));
                }
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
