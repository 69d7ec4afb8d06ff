//! What the machine of the laws does with LUKS containers.

use super::{MIB, World, above};
use std::collections::BTreeSet;
use storage::facts::{Content, DeviceKind, Facts};
use storage::plan::LuksAction;
use storage::wish::Kind;
use storage::{NodeId, Wish};

const OFFSET: u64 = 16 * MIB;

impl World {
    pub fn luks(&mut self, wish: &Wish, node: &NodeId, action: &LuksAction) {
        let Kind::Crypt(crypt) = &wish.node(node).unwrap().kind else { panic!("{node} is no container") };
        let path = format!("/dev/mapper/{}", crypt.name);
        match action {
            LuksAction::Format { device, uuid, .. } => {
                let below = self.name(wish, device);
                self.take_down(&below);
                let size = self.device(&below).size - OFFSET;
                self.device(&below).content = Content::Luks {
                    version: 2,
                    uuid: Some(*uuid),
                    label: Some(crypt.name.to_string()),
                    offset: Some(OFFSET),
                    keys: Some(1),
                };
                self.closed.remove(uuid);
                let name = format!("dm-{}", crypt.name);
                self.all.devices.push(above(name, path, DeviceKind::Crypt, size, vec![below]));
            }
            LuksAction::Open { .. } => assert!(self.closed.remove(&crypt.uuid), "{node} is open already"),
            LuksAction::Grow { device, .. } => {
                let below = self.name(wish, device);
                let size = self.device(&below).size - OFFSET;
                let name = self.name(wish, node);
                self.device(&name).size = size;
            }
        }
    }

    /// What stood on a device is lost with it.
    fn take_down(&mut self, below: &str) {
        let mut gone = BTreeSet::from([below.to_owned()]);
        loop {
            let on = |parents: &[String]| parents.iter().any(|parent| gone.contains(parent));
            let next = self.all.devices.iter().find(|device| !gone.contains(&device.name) && on(&device.parents));
            let Some(next) = next.map(|device| device.name.clone()) else { break };
            gone.insert(next);
        }
        gone.remove(below);
        self.all.devices.retain(|device| !gone.contains(&device.name));
        self.all.arrays.retain(|array| !gone.contains(&array.device));
        self.all.btrfs.retain(|btrfs| btrfs.devices.iter().all(|device| !gone.contains(&device.device)));
        let devices = &self.all.devices;
        self.all.groups.retain(|group| devices.iter().any(|device| matches!(&device.content, Content::PhysicalVolume { group: Some(of), .. } if *of == group.name)));
    }

    /// The kernel names of what closed containers would show.
    pub fn behind_keys(&self, facts: &Facts) -> Vec<String> {
        let closed = facts.devices.iter().filter(
            |device| matches!(&device.content, Content::Luks { uuid: Some(uuid), .. } if self.closed.contains(uuid)),
        );
        closed.flat_map(|device| facts.children(&device.name)).map(|child| child.name.clone()).collect()
    }
}
