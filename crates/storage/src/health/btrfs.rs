//! Whether a btrfs has its devices, and its subvolumes are there and mounted.

use super::{Look, Said, State};
use crate::facts::Content;
use crate::facts::Device;
use crate::plan::BEGUN;
use crate::wish::Btrfs;

impl Look<'_> {
    pub(super) fn btrfs(&self, device: &Device, btrfs: &Btrfs) -> Vec<Said> {
        if matches!(&device.content, Content::Filesystem { label: Some(label), .. } if label == BEGUN) {
            return vec![Said::new(State::Unfinished, "the making of its btrfs was cut short")];
        }
        let mut said = Vec::new();
        let known = self.facts.btrfs.iter().find(|known| known.uuid == btrfs.uuid);
        match known {
            None => said.push(Said::new(State::Missing, "nothing is known of its devices: `btrfs` did not answer")),
            Some(known) if known.missing > 0 => {
                let absent = btrfs.members.iter().filter(|id| self.sight.device(id).is_none());
                let absent: Vec<String> = absent.map(|id| self.named(id)).collect();
                let named = if absent.is_empty() { String::new() } else { format!(": {}", absent.join(", ")) };
                let state = if btrfs.redundant() && known.missing == 1 { State::Degraded } else { State::Broken };
                said.push(Said::new(state, format!("btrfs without {} of its devices{named}", known.missing)));
            }
            Some(known) if known.devices.len() < btrfs.members.len() + 1 => {
                let text = format!("btrfs on {} of {} devices", known.devices.len(), btrfs.members.len() + 1);
                said.push(Said::new(State::Degraded, text));
            }
            Some(known) if known.devices.len() > 1 => {
                said.push(Said::new(State::Good, format!("btrfs, {} devices", known.devices.len())));
            }
            Some(_) => said.push(Said::new(State::Good, "btrfs")),
        }
        if let Some(there) = known.and_then(|known| known.subvolumes.as_ref()) {
            let absent = btrfs.subvolumes.iter().filter(|it| !there.iter().any(|path| path == it.path.as_ref()));
            let absent: Vec<&str> = absent.map(|it| it.path.as_ref()).collect();
            if !absent.is_empty() {
                said.push(Said::new(State::Unmade, format!("without subvolume {}", absent.join(", "))));
            }
        }
        for (path, at, options) in btrfs.mounts() {
            let shown = path.map_or_else(|| "btrfs".to_owned(), |path| format!("subvolume {path}"));
            said.push(self.mounted_at(device, &shown, path.map(AsRef::as_ref), at, &options));
        }
        said
    }
}
