//! What the machine of the laws does with volume groups.

use super::{MIB, World, above};
use storage::facts::{Content, DeviceKind, Fill, Group, Volume};
use storage::plan::{GroupAction, VolumeAction};
use storage::{Extent, NodeId, Wish};

const EXTENT: u64 = 4 * MIB;

impl World {
    pub fn group(&mut self, wish: &Wish, action: &GroupAction) {
        match action {
            GroupAction::Create { name, uuid, pvs, volumes } => {
                let names: Vec<String> = pvs.iter().map(|pv| self.name(wish, &pv.node)).collect();
                for (pv, device) in pvs.iter().zip(&names) {
                    self.pv(device, &pv.uuid, name.as_ref());
                }
                let group = Group {
                    name: name.to_string(),
                    uuid: uuid.clone(),
                    extent: EXTENT,
                    free: 0,
                    missing: 0,
                    volumes: vec![],
                };
                self.all.groups.push(group);
                let order = |size: &Extent| match size {
                    Extent::Size(_) => 0,
                    Extent::Percent(_) => 1,
                    Extent::End => 2,
                };
                let mut sorted: Vec<_> = volumes.iter().collect();
                sorted.sort_by_key(|volume| order(&volume.size));
                let base: Vec<u64> = names.iter().map(|name| self.free(name)).collect();
                let fixed: u64 = volumes
                    .iter()
                    .map(|volume| if let Extent::Size(size) = volume.size { size.0.div_ceil(EXTENT) } else { 0 })
                    .sum();
                for volume in sorted {
                    let on: Vec<String> = volume.pvs.iter().map(|pv| names[*pv].clone()).collect();
                    let extents = match volume.size {
                        Extent::Size(size) => size.0.div_ceil(EXTENT),
                        Extent::Percent(percent) => {
                            (base.iter().sum::<u64>().saturating_sub(fixed) * u64::from(percent) / 100)
                                .min(on.iter().map(|name| self.free(name)).sum())
                        }
                        Extent::End => on.iter().map(|name| self.free(name)).sum(),
                    };
                    self.linear(name.as_ref(), volume.name.as_ref(), &volume.uuid, extents, &on);
                }
                for volume in volumes {
                    if let Some(cache) = &volume.writecache {
                        self.attach(name.as_ref(), volume.name.as_ref(), cache.as_ref(), "writecache");
                    }
                }
            }
            GroupAction::Extend { name, pvs } => {
                for pv in pvs {
                    let device = self.name(wish, &pv.node);
                    self.pv(&device, &pv.uuid, name.as_ref());
                }
            }
            GroupAction::Resize { pv, .. } => {
                let name = self.name(wish, pv);
                let device = self.device(&name);
                if let Content::PhysicalVolume { size, .. } = &mut device.content {
                    *size = (device.size - MIB) / EXTENT * EXTENT;
                }
            }
            GroupAction::Activate { name } => drop(self.inactive.remove(name.as_ref())),
            GroupAction::Identify { name, uuid } => {
                self.all.groups.iter_mut().find(|group| group.name == name.as_ref()).unwrap().uuid.clone_from(uuid);
            }
        }
    }

    fn pv(&mut self, name: &str, uuid: &str, group: &str) {
        let device = self.device(name);
        let size = (device.size - MIB) / EXTENT * EXTENT;
        device.content = Content::PhysicalVolume { uuid: uuid.into(), group: Some(group.into()), size, used: 0 };
    }

    fn free(&mut self, name: &str) -> u64 {
        match self.device(name).content {
            Content::PhysicalVolume { size, used, .. } => (size - used) / EXTENT,
            _ => 0,
        }
    }

    fn take(&mut self, extents: u64, on: &[String]) {
        let mut left = extents;
        for pv in on {
            let part = left.min(self.free(pv));
            if let Content::PhysicalVolume { used, .. } = &mut self.device(pv).content {
                *used += part * EXTENT;
            }
            left -= part;
        }
        assert_eq!(left, 0, "it does not fit");
    }

    fn linear(&mut self, group: &str, name: &str, uuid: &str, extents: u64, on: &[String]) {
        self.take(extents, on);
        self.shown(group, name, uuid, extents, on);
    }

    fn shown(&mut self, group: &str, name: &str, uuid: &str, extents: u64, on: &[String]) -> &mut Volume {
        let size = extents * EXTENT;
        let kernel = format!("dm{}", self.all.devices.len());
        self.all.devices.push(above(
            kernel,
            format!("/dev/mapper/{group}-{name}"),
            DeviceKind::Volume,
            size,
            on.to_vec(),
        ));
        let volume = Volume {
            name: name.into(),
            uuid: uuid.into(),
            size,
            segment: "linear".into(),
            active: true,
            hidden: false,
            fault: None,
            synced: None,
            cache: None,
            pool: None,
            fill: None,
            on: on.to_vec(),
        };
        let volumes = &mut self.all.groups.iter_mut().find(|known| known.name == group).unwrap().volumes;
        volumes.push(volume);
        volumes.last_mut().unwrap()
    }

    /// A pool takes room for its notes, and for LVM's spare of them.
    fn pool(&mut self, group: &str, name: &str, uuid: &str, (extents, notes): (u64, u64), on: &[String]) {
        let hidden = |it: &Volume| it.name == "lvol0_pmspare";
        let known = self.all.groups.iter_mut().find(|known| known.name == group).unwrap();
        let spare = known.volumes.iter().find(|it| hidden(it)).map_or(0, |it| it.size / EXTENT);
        known.volumes.retain(|it| !hidden(it));
        self.take(extents + notes + notes.saturating_sub(spare), on);
        for (name, extents) in [("lvol0_pmspare".to_owned(), notes.max(spare)), (format!("{name}_tmeta"), notes)] {
            self.shown(group, &name, "", extents, on).hidden = true;
            self.all.devices.pop();
        }
        let pool = self.shown(group, name, uuid, extents, on);
        (pool.segment, pool.fill) = ("thin-pool".into(), Some(Fill { data: 0, metadata: 10 }));
    }

    fn attach(&mut self, group: &str, name: &str, cache: &str, segment: &str) {
        let known = self.all.groups.iter_mut().find(|known| known.name == group).unwrap();
        for volume in &mut known.volumes {
            if volume.name == name {
                (volume.cache, volume.segment) = (Some(cache.into()), segment.into());
            } else if volume.name == cache {
                (volume.name, volume.hidden) = (format!("{cache}_cvol"), true);
            }
        }
        let path = format!("/dev/mapper/{group}-{cache}");
        self.all
            .devices
            .iter_mut()
            .filter(|device| device.path == path)
            .for_each(|device| device.path = format!("{path}_cvol"));
    }

    fn detach(&mut self, group: &str, name: &str, cache: &str) {
        let known = self.all.groups.iter_mut().find(|known| known.name == group).unwrap();
        for volume in &mut known.volumes {
            if volume.name == name {
                (volume.cache, volume.segment) = (None, "linear".into());
            } else if volume.name == format!("{cache}_cvol") {
                (volume.name, volume.hidden) = (cache.into(), false);
            }
        }
        let path = format!("/dev/mapper/{group}-{cache}");
        let inner = format!("{path}_cvol");
        self.all
            .devices
            .iter_mut()
            .filter(|device| device.path == inner)
            .for_each(|device| device.path.clone_from(&path));
    }

    pub fn volume(&mut self, wish: &Wish, node: &NodeId, action: &VolumeAction) {
        match action {
            VolumeAction::Create { group, name, uuid, extents, pvs, .. } => {
                let on: Vec<String> = pvs.iter().map(|pv| self.name(wish, pv)).collect();
                self.linear(group.as_ref(), name.as_ref(), uuid, *extents, &on);
            }
            VolumeAction::CreatePool { group, name, uuid, extents, metadata, pvs } => {
                let on: Vec<String> = pvs.iter().map(|pv| self.name(wish, pv)).collect();
                self.pool(group.as_ref(), name.as_ref(), uuid, (*extents, metadata / EXTENT), &on);
            }
            VolumeAction::CreateThin { group, name, uuid, pool, size } => {
                let known = self.all.groups.iter().find(|known| known.name == group.as_ref()).unwrap();
                let found = known.volumes.iter().find(|it| it.name == pool.as_ref()).expect("a pool");
                assert_eq!((found.segment.as_str(), size % EXTENT), ("thin-pool", 0));
                let on = found.on.clone();
                let thin = self.shown(group.as_ref(), name.as_ref(), uuid, size / EXTENT, &on);
                (thin.segment, thin.pool) = ("thin".into(), Some(pool.to_string()));
            }
            VolumeAction::Attach { group, name, cache, kind, .. } => {
                self.attach(group.as_ref(), name.as_ref(), cache.as_ref(), kind.segment());
            }
            VolumeAction::Detach { group, name, cache, .. } => self.detach(group.as_ref(), name.as_ref(), cache),
            VolumeAction::Identify { .. } => unreachable!("these laws make every volume with its identity"),
            VolumeAction::Grow { group, name, extents, pvs } => {
                let known = self.all.groups.iter().find(|known| known.name == group.as_ref()).unwrap();
                let found = known.volumes.iter().find(|volume| volume.name == name.as_ref()).expect("no inner volume");
                assert!(found.cache.is_none(), "LVM grows no cached volume");
                let on: Vec<String> = pvs.iter().map(|pv| self.name(wish, pv)).collect();
                assert_eq!(found.pool.is_some(), on.is_empty(), "only a thin volume takes nothing of its group");
                if !on.is_empty() {
                    self.take(*extents, &on);
                }
                let device = self.name(wish, node);
                self.device(&device).size += extents * EXTENT;
                let known = self.all.groups.iter_mut().find(|known| known.name == group.as_ref()).unwrap();
                known
                    .volumes
                    .iter_mut()
                    .filter(|volume| volume.name == name.as_ref())
                    .for_each(|volume| volume.size += extents * EXTENT);
            }
        }
    }
}
