//! Whether a LUKS container is open, as large as it could be, and can be opened at all.

use super::{Look, Said, State};
use crate::facts::Content;
use crate::plan::BEGUN;
use crate::wish::{Crypt, Node};
use uuid::Uuid;

impl Look<'_> {
    /// The opened container.
    pub(super) fn crypt(&self, node: &Node, crypt: &Crypt) -> Vec<Said> {
        if self.sight.device(&node.id).is_some() {
            return vec![Said::new(State::Good, "open")];
        }
        let missing = self.missing_disks(node);
        let below = node.on.first().and_then(|below| self.sight.device(below)).map(|device| &device.content);
        vec![match (missing.as_slice(), below) {
            ([], Some(Content::Luks { uuid: Some(uuid), .. })) if *uuid == crypt.uuid => {
                Said::new(State::Inactive, "closed: `homehive disks apply` opens it")
            }
            ([], _) => Said::new(State::Unmade, "its LUKS is not there"),
            (disks, _) => Said::new(State::Missing, format!("missing {}", disks.join(", "))),
        }]
    }
}

/// What stands where a container's header should be.
pub(super) fn header(wished: Uuid, content: &Content) -> Option<Said> {
    let Content::Luks { uuid, label, keys, version, .. } = content else { return None };
    Some(if *uuid != Some(wished) {
        Said::new(State::Foreign, "holds another LUKS, not the wished one")
    } else if label.as_deref() == Some(BEGUN) {
        Said::new(State::Unfinished, "the making of its LUKS was cut short")
    } else if *keys == Some(0) {
        Said::new(State::Broken, "no key opens its LUKS any more")
    } else {
        Said::new(State::Good, format!("LUKS{version}"))
    })
}
