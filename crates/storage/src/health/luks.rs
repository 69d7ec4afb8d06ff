//! Whether a LUKS container is open, as large as it could be, and can be opened at all.

use super::{Look, Said, State};
use crate::facts::Content;
use crate::plan::{BEGUN, at_home};
use crate::wish::{Crypt, Node};
use uuid::Uuid;

impl Look<'_> {
    /// The opened container.
    pub(super) fn crypt(&self, node: &Node, crypt: &Crypt) -> Vec<Said> {
        if self.sight.device(&node.id).is_some() {
            return std::iter::once(Said::new(State::Good, "open")).chain(self.unenrolled(node, crypt)).collect();
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

    /// What is declared to open it beside its key, and does not.
    fn unenrolled(&self, node: &Node, crypt: &Crypt) -> Option<Said> {
        let below = node.on.first().and_then(|below| self.sight.device(below))?;
        let Content::Luks { tokens: Some(tokens), .. } = &below.content else { return None };
        let home = at_home(self.wish, self.facts, &self.sight);
        let missing = crypt.unlock.as_ref()?.missing(tokens);
        let here = missing.iter().filter(|means| home || means.is_anywhere());
        let missing: Vec<String> = here.map(ToString::to_string).collect();
        let text = || format!("not opened by {} yet: `homehive disks apply` enrols it", missing.join(", nor by "));
        (!missing.is_empty()).then(|| Said::new(State::Degraded, text()))
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
