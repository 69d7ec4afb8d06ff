//! What the machine of the laws does with LUKS containers.

use super::{MIB, World, above};
use std::collections::BTreeSet;
use storage::facts::{Content, DeviceKind, Facts, Token};
use storage::plan::{LuksAction, Means};
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
                    tokens: Some(vec![]),
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
            LuksAction::Enrol { device, means, .. } => {
                let found = || self.all.machine.enrol.clone().expect("a machine that can enrol");
                let (kind, pcrs) = match means {
                    Means::Tpm2(pcrs) => ("systemd-tpm2", found().tpm2.then(|| Some(pcrs.clone()))),
                    Means::Fido2 => ("systemd-fido2", found().fido2.then_some(None)),
                    Means::Key(_) => (Token::KEY, Some(None)),
                };
                let name = if let Means::Key(name) = means { Some(name.clone()) } else { None };
                let pcrs = pcrs.expect("a device to enrol");
                let below = self.name(wish, device);
                let (keys, tokens) = self.opened_by(&below);
                // What systemd-cryptenroll takes for enrolled it does not enrol again.
                if tokens.iter().any(|token| token.kind == kind && token.pcrs == pcrs && !token.pin && pcrs.is_some()) {
                    return;
                }
                let id = (0..32).find(|id| tokens.iter().all(|token| token.id != *id)).unwrap();
                let taken = |slot: &u32| *slot == 0 || tokens.iter().any(|token| token.slots.contains(slot));
                let slot = (0..32).find(|slot| !taken(slot)).unwrap();
                *keys += 1;
                tokens.push(Token { id, kind: kind.into(), slots: vec![slot], pcrs, pin: false, name });
            }
            LuksAction::Forget { device, tokens, .. } => {
                let below = self.name(wish, device);
                let (keys, known) = self.opened_by(&below);
                for stale in tokens {
                    let at = known.iter().position(|token| token.id == stale.token).expect("a token that is there");
                    assert!(!stale.slots.contains(&0), "its key opens slot 0, and cryptsetup would refuse");
                    known.remove(at);
                    *keys -= u32::try_from(stale.slots.len()).unwrap();
                }
            }
        }
    }

    /// What opens the container on a device: how many keys, and the tokens among them.
    pub fn opened_by(&mut self, below: &str) -> (&mut u32, &mut Vec<Token>) {
        match &mut self.device(below).content {
            Content::Luks { keys: Some(keys), tokens: Some(tokens), .. } => (keys, tokens),
            other => panic!("no container: {other:?}"),
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
