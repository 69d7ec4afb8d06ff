//! What the machine of the laws does with md arrays.

use super::{MIB, World, above};
use storage::facts::{Array, Content, Device, DeviceKind, Member, MemberState};
use storage::plan::ArrayAction;
use storage::tree::Metadata;
use storage::wish::Kind;
use storage::{NodeId, Wish};

impl World {
    pub fn array(&mut self, wish: &Wish, node: &NodeId, action: &ArrayAction) {
        match action {
            ArrayAction::Create { name, level, metadata, uuid, members, spares, .. } => {
                let names: Vec<String> = members.iter().chain(spares).map(|id| self.name(wish, id)).collect();
                let devices = u32::try_from(members.len()).unwrap();
                let least = names.iter().map(|name| self.device(name).size).min().unwrap();
                let word = format!("raid{}", level.number());
                let mut known = vec![];
                for (slot, member) in (0..).zip(&names) {
                    let slot = (slot < devices).then_some(slot);
                    self.device(member).content = Content::Member {
                        array: *uuid,
                        name: name.to_string(),
                        level: word.clone(),
                        devices,
                        // Where nothing is kept twice, md leaves it at 0 for ever.
                        events: u64::from(level.redundant()),
                        slot,
                        dirty: false,
                        recovering: false,
                    };
                    let state = if slot.is_some() { MemberState::InSync } else { MemberState::Spare };
                    known.push(Member { device: member.clone(), state, slot });
                }
                let device = format!("md{}", self.all.arrays.len());
                let size = level.capacity(members.len(), least - 8 * MIB);
                self.all.devices.push(above(device.clone(), format!("/dev/{device}"), DeviceKind::Array, size, names));
                self.all.arrays.push(Array {
                    device,
                    uuid: *uuid,
                    name: name.to_string(),
                    level: word,
                    metadata: Some(metadata.map_or("1.2", Metadata::word).to_owned()),
                    active: true,
                    devices,
                    members: known,
                    action: None,
                    done: 0,
                    left: None,
                });
            }
            ArrayAction::Assemble { uuid, .. } | ArrayAction::Force { uuid, .. } => drop(self.stopped.remove(uuid)),
            ArrayAction::Add { members, .. } => {
                let Kind::Array(array) = &wish.node(node).unwrap().kind else { panic!() };
                for member in members {
                    let name = self.name(wish, member);
                    let at = self.all.arrays.iter().position(|known| known.uuid == array.uuid).unwrap();
                    let known = &mut self.all.arrays[at];
                    known.members.retain(|member| member.state != MemberState::Faulty);
                    let slot =
                        (0..known.devices).find(|slot| known.members.iter().all(|member| member.slot != Some(*slot)));
                    let state = if slot.is_some() { MemberState::Rebuilding } else { MemberState::Spare };
                    known.members.push(Member { device: name.clone(), state, slot });
                    let (level, devices) = (known.level.clone(), known.devices);
                    self.device(&name).content = Content::Member {
                        array: array.uuid,
                        name: array.name.to_string(),
                        level,
                        devices,
                        events: 9,
                        slot,
                        dirty: false,
                        recovering: false,
                    };
                }
            }
            // Filled at once, and the old one is let go.
            ArrayAction::Replace { old, new, .. } => {
                let Kind::Array(array) = &wish.node(node).unwrap().kind else { panic!() };
                let new = self.name(wish, new);
                let serial = old.as_str().rsplit(' ').next().unwrap();
                let find = |device: &&Device| device.serial.as_deref() == Some(serial);
                let old = self.all.devices.iter().find(find).unwrap().name.clone();
                let content = self.device(&old).content.clone();
                self.device(&new).content = content;
                let known = self.all.arrays.iter_mut().find(|known| known.uuid == array.uuid).unwrap();
                known.members.retain(|member| member.device != new);
                let member = known.members.iter_mut().find(|member| member.device == old).unwrap();
                let slot = member.slot.take();
                member.state = MemberState::Faulty;
                known.members.push(Member { device: new, state: MemberState::InSync, slot });
            }
            ArrayAction::Release { .. } => {
                let Kind::Array(array) = &wish.node(node).unwrap().kind else { panic!() };
                let known = self.all.arrays.iter_mut().find(|known| known.uuid == array.uuid).unwrap();
                known.members.retain(|member| member.state != MemberState::Faulty);
            }
            ArrayAction::Reshape { members, .. } => {
                let Kind::Array(array) = &wish.node(node).unwrap().kind else { panic!() };
                let known = self.all.arrays.iter_mut().find(|known| known.uuid == array.uuid).unwrap();
                known.devices = u32::try_from(*members).unwrap();
                for (slot, member) in (0..).zip(&mut known.members) {
                    (member.slot, member.state) = (Some(slot), MemberState::InSync);
                }
            }
        }
    }
}
