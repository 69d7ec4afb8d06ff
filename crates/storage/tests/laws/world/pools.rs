//! What the machine of the laws does with ZFS pools.

use super::{World, above};
use std::collections::{BTreeMap, BTreeSet};
use storage::facts::{Content, Dataset, DeviceKind, Facts, Pool, PoolMember, Vdev};
use storage::plan::PoolAction;
use storage::{NodeId, Wish, wish};

/// Of the machine that it is.
const HOST_ID: &str = "8425e349";

impl World {
    pub fn zpool(&mut self, wish: &Wish, node: &NodeId, action: &PoolAction) {
        let wished = wish.node(node).unwrap().kind.pool().unwrap();
        match action {
            PoolAction::Create { name, mark, vdevs, properties, root, destroy, .. } => {
                if let Some(old) = destroy {
                    self.destroy(old);
                }
                // A pool that is not imported goes with its devices.
                self.all.pools.retain(|pool| pool.name != *name);
                self.exported.remove(name);
                let guid = format!("{}", 1000 + self.all.pools.len());
                let mut properties = properties.clone();
                properties.insert("comment".into(), mark.clone());
                let (size, used, action, done, damaged) = (0, 0, None, 0, 0);
                let health = "ONLINE".to_owned();
                let (vdevs, datasets) = (self.vdevs(wish, vdevs), vec![made(root)]);
                let pool = Pool {
                    name: name.clone(),
                    guid,
                    health,
                    size,
                    used,
                    properties,
                    vdevs,
                    datasets,
                    action,
                    done,
                    damaged,
                };
                self.label(&pool);
                self.all.pools.push(pool);
            }
            PoolAction::Import { name, .. } => assert!(self.exported.remove(name), "{name} is imported already"),
            PoolAction::Dataset { full, dataset } => {
                let (name, path) = full.split_once('/').unwrap();
                let parents = self.imported(name).members().filter_map(|it| it.device.clone()).collect();
                let pool = self.imported(name);
                assert!(pool.dataset(path).is_none(), "{full} is there already");
                pool.datasets.push(made(dataset));
                pool.datasets.sort_by(|one, other| one.path.cmp(&other.path));
                if let Some(size) = dataset.volume {
                    let kernel = format!("zd{}", path.replace('/', "-"));
                    let mut device = above(kernel.clone(), format!("/dev/{kernel}"), DeviceKind::Zvol, size.0, parents);
                    device.links.push(format!("/dev/zvol/{full}"));
                    self.all.devices.push(device);
                }
            }
            PoolAction::Key { full, .. } => {
                self.set(full, |dataset| drop(dataset.properties.insert("keystatus".into(), "available".into())));
            }
            PoolAction::Snapshot { full, name } => {
                let taken = format!("@{name}");
                self.set(full, |dataset| drop(dataset.properties.insert("homehive:empty".into(), taken)));
            }
            PoolAction::Set { full, properties } => {
                let (mut size, properties) = (None, properties.clone());
                self.set(full, |dataset| {
                    for (key, value) in properties {
                        if key == "volsize" {
                            dataset.volume = value.parse().ok();
                            size = dataset.volume;
                        } else {
                            dataset.properties.insert(key, value);
                        }
                    }
                });
                if let Some(size) = size {
                    let link = format!("/dev/zvol/{full}");
                    self.all.devices.iter_mut().find(|device| device.links.contains(&link)).unwrap().size = size;
                }
            }
            PoolAction::SetPool { name, properties } => {
                let properties = properties.clone();
                self.imported(name).properties.extend(properties);
            }
            PoolAction::Add { name, vdevs } => {
                let vdevs = self.vdevs(wish, vdevs);
                self.imported(name).vdevs.extend(vdevs);
                self.relabel(name);
            }
            PoolAction::Attach { name, to, new } => {
                let member = self.member(wish, new);
                let holds = |vdev: &&mut Vdev| vdev.members.iter().any(|it| it.name == *to);
                let vdev = self.imported(name).vdevs.iter_mut().find(holds).unwrap();
                vdev.mode = Some("mirror".into());
                vdev.members.push(member);
                self.relabel(name);
            }
            PoolAction::Replace { name, old, new } => {
                let member = self.member(wish, new);
                let mut members = self.imported(name).vdevs.iter_mut().flat_map(|vdev| &mut vdev.members);
                let place = members.find(|it| it.name == *old).unwrap();
                let gone = std::mem::replace(place, member).device;
                if let Some(gone) = gone {
                    self.device(&gone).content = Content::Unknown;
                }
                self.relabel(name);
            }
            PoolAction::Expand { name, .. } => drop(self.imported(name).properties.remove("expandsize")),
        }
        let known = self.all.pools.iter().find(|pool| pool.name == wished.name.as_ref());
        assert!(known.is_some_and(|pool| wished.is(pool)), "{node} is there");
    }

    fn imported(&mut self, name: &str) -> &mut Pool {
        assert!(!self.exported.contains(name), "{name} is not imported");
        self.all.pools.iter_mut().find(|pool| pool.name == name).unwrap()
    }

    fn set(&mut self, full: &str, change: impl FnOnce(&mut Dataset)) {
        let (name, path) = full.split_once('/').unwrap_or((full, ""));
        change(self.imported(name).datasets.iter_mut().find(|dataset| dataset.path == path).unwrap());
    }

    fn member(&mut self, wish: &Wish, node: &NodeId) -> PoolMember {
        let device = self.name(wish, node);
        let old = &self.device(&device).content;
        assert!(matches!(old, Content::Blank | Content::Unknown | Content::PoolMember { .. }), "{node} was not free");
        let name = format!("guid-{device}");
        PoolMember { device: Some(device), name, state: "ONLINE".into(), replacing: false, errors: 0 }
    }

    fn vdevs(&mut self, wish: &Wish, vdevs: &[wish::Vdev]) -> Vec<Vdev> {
        let mut found = Vec::new();
        for vdev in vdevs {
            let members: Vec<PoolMember> = vdev.members.iter().map(|node| self.member(wish, node)).collect();
            let (class, state) = (vdev.class, "ONLINE".to_owned());
            match vdev.mode {
                Some(mode) => found.push(Vdev { class, mode: Some(mode.to_string()), state, members }),
                None => found.extend(members.into_iter().map(|member| Vdev {
                    class,
                    mode: None,
                    state: state.clone(),
                    members: vec![member],
                })),
            }
        }
        found
    }

    fn label(&mut self, pool: &Pool) {
        for name in pool.members().filter_map(|member| member.device.clone()) {
            self.device(&name).content = Content::PoolMember {
                pool: Some(pool.name.clone()),
                guid: Some(pool.guid.clone()),
                mark: pool.mark().map(str::to_owned),
                host_id: Some(HOST_ID.into()),
                gone: false,
            };
        }
    }

    fn relabel(&mut self, name: &str) {
        let pool = self.all.pools.iter().find(|pool| pool.name == name).unwrap().clone();
        self.label(&pool);
    }

    fn destroy(&mut self, name: &str) {
        let pool = self.imported(name).clone();
        assert!(pool.datasets.iter().all(|dataset| dataset.mounts.is_empty()), "{name} is mounted");
        self.all.devices.retain(|device| device.kind != DeviceKind::Zvol);
        self.all.pools.retain(|known| known.name != name);
    }

    /// Mounts a dataset.
    pub fn mount_dataset(&mut self, full: &str, at: &str) {
        let (name, path) = full.split_once('/').unwrap_or((full, ""));
        let pool = self.imported(name);
        let roots =
            pool.datasets.iter().filter(|it| it.properties.get("keystatus").is_some_and(|is| is == "unavailable"));
        let closed: Vec<String> = roots.map(|it| it.path.clone()).collect();
        assert!(!closed.iter().any(|root| path.starts_with(root.as_str())), "{full} is closed");
        pool.datasets.iter_mut().find(|dataset| dataset.path == path).unwrap().mounts.push(at.to_owned());
    }

    /// The power goes.
    pub fn export(&mut self) {
        self.exported = self.all.pools.iter().map(|pool| pool.name.clone()).collect();
        for dataset in self.all.pools.iter_mut().flat_map(|pool| &mut pool.datasets) {
            dataset.mounts.clear();
            if let Some(status) = dataset.properties.get_mut("keystatus") {
                "unavailable".clone_into(status);
            }
        }
    }

    /// The kernel names of volumes in pools that are not imported, or that are closed.
    pub fn in_pools(&self, facts: &Facts) -> BTreeSet<String> {
        let pools = facts.pools.iter();
        let closed = pools.flat_map(|pool| {
            pool.datasets
                .iter()
                .filter(move |dataset| {
                    let own = dataset.properties.get("keystatus").is_some_and(|is| is == "unavailable");
                    dataset.volume.is_some() && (own || self.exported.contains(&pool.name))
                })
                .map(move |dataset| format!("/dev/zvol/{}/{}", pool.name, dataset.path))
        });
        let closed: BTreeSet<String> = closed.collect();
        let hidden = facts.devices.iter().filter(|device| device.links.iter().any(|link| closed.contains(link)));
        hidden.map(|device| device.name.clone()).collect()
    }
}

fn made(dataset: &wish::Dataset) -> Dataset {
    let mut properties: BTreeMap<String, String> = dataset.properties.clone();
    properties.insert("mountpoint".into(), "legacy".into());
    properties.extend(dataset.empty_snapshot.iter().map(|name| ("homehive:empty".into(), format!("@{name}"))));
    if let Some(encryption) = &dataset.encryption {
        let at = encryption.boot_key_file.as_ref().map_or_else(|| "prompt".to_owned(), |file| format!("file://{file}"));
        let pool = "tank";
        let full = if dataset.path.is_empty() { pool.to_owned() } else { format!("{pool}/{}", dataset.path) };
        for (key, value) in [("encryptionroot", full), ("keystatus", "available".into()), ("keylocation", at)] {
            properties.insert(key.into(), value);
        }
    }
    Dataset { path: dataset.path.clone(), volume: dataset.volume.map(|size| size.0), properties, mounts: Vec::new() }
}
