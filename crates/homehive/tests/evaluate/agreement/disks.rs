//! Does the configuration find the disks as their script makes them?

use super::{Comparison, words};
use std::collections::{BTreeMap, BTreeSet};
use storage::tree::Level;
use storage::wish::{Holds, Kind};

impl Comparison<'_> {
    /// Filesystems, swap, arrays: by the identities that the disks will have.
    pub(super) fn disks(&mut self) {
        let Some(wish) = self.fleet.wish(self.name) else { return };
        // A tree of which some shows only after a step has no script: then nothing is asked of it.
        let script = if wish.nodes.is_empty() { None } else { storage::script(&wish, &[]).ok() };
        let announced = wish.announce();
        let real = self.said.file_systems.iter().filter(|(_, it)| {
            it.fs_type == "zfs" || it.device.as_deref().is_some_and(|device| device.starts_with('/'))
        });
        let said: BTreeMap<String, (String, String)> = real
            .map(|(path, it)| (path.clone(), (it.device.clone().unwrap_or_default(), it.fs_type.clone())))
            .collect();
        let mut wanted = BTreeMap::new();
        for mount in &wish.mounts {
            if let Some(said) = self.said.file_systems.get(&mount.path) {
                let options = said.options.iter().cloned().collect();
                self.holds(&format!("options of {}", mount.path), &options, &words(&mount.options));
            }
            // A filesystem of a pool is found by its name, and its pool by the labels of its devices.
            if let Some(dataset) = &mount.dataset {
                wanted.insert(mount.path.clone(), (dataset.clone(), mount.format.to_string()));
                continue;
            }
            let identity = announced.iter().find(|it| it.node == mount.node && it.identity == mount.uuid);
            self.same(&format!("{} has an announced identity", mount.path), identity.is_some(), true);
            let device = format!("/dev/disk/by-uuid/{}", mount.uuid);
            wanted.insert(mount.path.clone(), (device, mount.format.to_string()));
            // Made with this identity: the script's words for it. FAT's is eight digits, written without the dash.
            let bare = mount.uuid.replace('-', "").to_lowercase();
            let made = script.as_ref().is_none_or(|script| {
                script
                    .lines()
                    .any(|line| line.contains("mkfs.") && line.replace('-', "").to_lowercase().contains(&bare))
            });
            self.same(&format!("the disks' script makes {} with {}", mount.path, mount.uuid), made, true);
        }
        self.same("fileSystems", said, wanted);
        let swaps = wish.nodes.iter().filter_map(|node| match &node.holds {
            Some(Holds::Swap(swap)) => swap.device(node),
            _ => None,
        });
        self.same("swapDevices", &self.said.swap_devices, &swaps.collect());
        let opened = wish.nodes.iter().filter_map(|node| match &node.kind {
            Kind::Crypt(crypt) if crypt.initrd => {
                Some((crypt.name.to_string(), format!("/dev/disk/by-uuid/{}", crypt.uuid)))
            }
            _ => None,
        });
        self.same("boot.initrd.luks.devices", &self.said.luks, &opened.collect());
        for nodev in &wish.nodev {
            let said = self.said.file_systems.get(nodev.path.as_str()).map(|it| it.fs_type.clone());
            self.same(&format!("type of {}", nodev.path), said, Some(nodev.fstype.clone()));
        }
        self.arrays(&wish, script.as_deref());
    }

    fn arrays(&mut self, wish: &storage::Wish, script: Option<&str>) {
        let arrays = wish.nodes.iter().filter_map(|node| match &node.kind {
            Kind::Array(array) => Some((format!("/dev/md/{}", array.name), storage::identity::md(array.uuid))),
            _ => None,
        });
        let wanted: BTreeMap<String, String> = arrays.collect();
        let mut said = BTreeMap::new();
        for line in self.said.swraid.mdadm_conf.lines() {
            if let ["ARRAY", device, uuid] = line.split_whitespace().collect::<Vec<_>>().as_slice() {
                let uuid = uuid.strip_prefix("UUID=").unwrap_or(uuid);
                said.insert((*device).to_owned(), uuid.to_owned());
            }
        }
        for uuid in wanted.values() {
            self.same(
                &format!("the disks' script makes array {uuid}"),
                script.is_none_or(|script| script.contains(&format!("--uuid={uuid}"))),
                true,
            );
        }
        let alerts = self
            .said
            .swraid
            .mdadm_conf
            .lines()
            .any(|line| line.starts_with("PROGRAM /") || line.starts_with("MAILADDR "));
        self.same("somebody is told of an array's events", wanted.is_empty() || alerts, true);
        self.holds(
            "boot.swraid.enable",
            &[self.said.swraid.enable].into(),
            &[!wanted.is_empty()].into_iter().filter(|it| *it).collect(),
        );
        self.same("boot.swraid.mdadmConf", said, wanted);
        let mut modules = BTreeSet::new();
        let mut groups = false;
        for node in &wish.nodes {
            match &node.kind {
                Kind::Array(array) if matches!(array.level, Level::Raid4 | Level::Raid5 | Level::Raid6) => {
                    modules.insert("raid456".to_owned());
                }
                Kind::Volume(volume) => {
                    groups = true;
                    match &volume.cache {
                        Some(cache) if cache.kind == storage::wish::CacheKind::Writecache => {
                            modules.insert("dm_writecache".to_owned());
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        self.holds("boot.initrd.kernelModules", &self.said.initrd_modules.names(), &modules);
        self.same("boot.initrd.services.lvm.enable", self.said.lvm || !groups, true);
    }
}
