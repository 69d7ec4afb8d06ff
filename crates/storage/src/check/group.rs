//! Volume groups: their physical volumes, their volumes, and the caches among these.

use super::holder::{Holder, Kind, Tree, fixed, list};
use super::table::shares;
use super::thin;
use crate::tree::{Content, Spread, Thin, Volume, VolumeGroup};
use crate::{Extent, Name, NodeId, Size};
use document::{Path, Problems};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    let mut pvs: BTreeMap<&Name, Vec<&Holder<'_>>> = BTreeMap::new();
    for holder in &tree.holders {
        let Some(Content::LvmPv(pv)) = holder.content else { continue };
        if tree.storage.lvm_vg.contains_key(&pv.vg) {
            pvs.entry(&pv.vg).or_default().push(holder);
        } else {
            problems.add(
                &holder.content_at().join("vg"),
                "storage::unknown_group",
                format!("`{}` is a physical volume of group `{}`, which is not declared", holder.id, pv.vg),
                "no such group",
                format!("declared groups: {}; declare it as `lvm_vg.{}`", list(tree.storage.lvm_vg.keys()), pv.vg),
            );
        }
        if let Kind::Volume(_) = holder.kind {
            problems.add(
                &holder.content_at().join("type"),
                "storage::volume_as_physical",
                format!("`{}` is a volume and cannot be a physical volume: LVM does not look there", holder.id),
                "no `lvm_pv` here",
                "give it a filesystem, or put the physical volume on a partition or array",
            );
        }
    }
    for (name, group) in &tree.storage.lvm_vg {
        let at = tree.at.join("lvm_vg").join(name);
        let own = pvs.get(name).map(Vec::as_slice).unwrap_or_default();
        if own.is_empty() {
            problems.add(
                &at,
                "storage::no_physical_volumes",
                format!("group `{name}` has no physical volumes"),
                "nothing lies below it",
                format!("give a device `content = {{ type = \"lvm_pv\", vg = \"{name}\" }}`, or remove the group"),
            );
            continue;
        }
        Whole { tree, name, group, own, at: at.join("lvs") }.check(problems);
    }
}

/// A group with its physical volumes.
struct Whole<'a> {
    tree: &'a Tree<'a>,
    name: &'a Name,
    group: &'a VolumeGroup,
    own: &'a [&'a Holder<'a>],
    /// Where its volumes are declared.
    at: Path,
}

impl Whole<'_> {
    fn check(&self, problems: &mut Problems) {
        for (name, volume) in &self.group.lvs {
            self.places(name, volume, problems);
            self.spread(name, volume, problems);
            self.cache(name, volume, problems);
            thin::check(self.group, name, volume, &self.at, problems);
        }
        self.used_twice(problems);
        self.space(problems);
    }

    /// The nodes that a volume lies on.
    fn pvs(&self, volume: &Volume) -> BTreeSet<NodeId> {
        let all = || self.own.iter().map(|holder| holder.id.clone()).collect();
        volume.pvs.as_ref().map_or_else(all, |pvs| pvs.iter().cloned().collect())
    }

    fn places(&self, name: &Name, volume: &Volume, problems: &mut Problems) {
        let at = self.at.join(name).join("pvs");
        let known = || format!("physical volumes of `{}`: {}", self.name, list(self.own.iter().map(|own| &own.id)));
        if volume.pvs.as_ref().is_some_and(Vec::is_empty) {
            let message = format!("volume `{name}` lies on nothing");
            let help = format!("{}; remove `pvs` for all of them", known());
            problems.add(&at, "storage::unknown_physical_volume", message, "empty", help);
        }
        let mut seen = BTreeSet::new();
        for (index, node) in volume.pvs.iter().flatten().enumerate() {
            let at = at.join(index);
            if !self.tree.holders.iter().any(|holder| holder.id == *node) {
                let message = format!("volume `{name}` lies on `{node}`, which is not declared");
                problems.add(&at, "storage::unknown_physical_volume", message, "no such device", known());
            } else if !self.own.iter().any(|holder| holder.id == *node) {
                let message =
                    format!("volume `{name}` lies on `{node}`, which is no physical volume of group `{}`", self.name);
                problems.add(&at, "storage::foreign_physical_volume", message, "not of this group", known());
            } else if !seen.insert(node) {
                let message = format!("volume `{name}` names `{node}` twice");
                problems.add(&at, "storage::physical_volume_twice", message, "again", "name it once");
            }
        }
    }

    /// Enough physical volumes for how it is spread; and a cache is not spread.
    fn spread(&self, name: &Name, volume: &Volume, problems: &mut Problems) {
        let Some(spread) = volume.spread() else { return };
        let (at, has) = (self.at.join(name).join("lvm_type"), self.pvs(volume).len());
        if !spread.fits(has) {
            let kind = if spread == Spread::Raid10 { "an even number of physical volumes, " } else { "" };
            problems.add(
                &at,
                "storage::too_few_physical_volumes",
                format!("volume `{name}` is {} and lies on {has} physical volume(s)", spread.word()),
                format!("needs {kind}{} at least", spread.least()),
                format!(
                    "name more of them in `pvs`, or choose another type; of `{}`: {}",
                    self.name,
                    list(self.own.iter().map(|own| &own.id))
                ),
            );
        }
        let cached =
            |other: &Volume| [&other.writecache, &other.cache].into_iter().flatten().any(|cache| cache == name);
        if self.group.lvs.values().any(cached) {
            let message = format!("volume `{name}` is a cache and cannot be {}", spread.word());
            problems.add(
                &at,
                "storage::spread_cache",
                message,
                "of a cache",
                "remove `lvm_type`: a cache is linear here",
            );
        }
    }

    fn cache(&self, name: &Name, volume: &Volume, problems: &mut Problems) {
        let at = self.at.join(name);
        if volume.writecache.is_some() && volume.cache.is_some() {
            problems.add(
                &at.join("cache"),
                "storage::two_caches",
                format!("volume `{name}` has both `writecache` and `cache`"),
                "one too many",
                "keep `writecache` for writes, or `cache` for what is read and written often",
            );
        }
        if volume.cache_mode.is_some() && volume.cache.is_none() {
            problems.add(
                &at.join("cache_mode"),
                "storage::cache_mode",
                format!("volume `{name}` has a cache mode and no `cache`"),
                "of nothing",
                "name the cache volume as `cache`, or remove `cache_mode`; a writecache has no mode",
            );
        }
        for (key, cache) in [("writecache", &volume.writecache), ("cache", &volume.cache)] {
            let Some(cache) = cache else { continue };
            let at = at.join(key);
            let Some(own) = self.group.lvs.get(cache).filter(|_| cache != name) else {
                let message = format!("volume `{name}` is cached by `{cache}`, which is no other volume of its group");
                let others = list(self.group.lvs.keys().filter(|other| *other != name));
                let help = format!("other volumes of `{}`: {others}", self.name);
                problems.add(&at, "storage::unknown_cache", message, "no such volume", help);
                continue;
            };
            if let Some(content) = &own.content {
                problems.add(
                    &self.at.join(cache).join("content"),
                    "storage::cache_with_content",
                    format!("volume `{cache}` is `{name}`'s cache and cannot hold `{}` too", content.kind()),
                    "would be lost",
                    "remove `content`: a cache volume is given to LVM as a whole",
                );
            }
            if own.writecache.is_some() || own.cache.is_some() {
                let message = format!("volume `{cache}` is `{name}`'s cache and cannot have one itself");
                let help = "remove the cache of the cache";
                problems.add(&self.at.join(cache), "storage::cached_cache", message, "is a cache", help);
            }
            if own.thin().is_none() && volume.thin().is_none() && self.pvs(own) == self.pvs(volume) {
                problems.add(
                    &at,
                    "storage::cache_on_same_devices",
                    format!("volume `{name}` and its cache `{cache}` lie on the same devices: nothing gets faster"),
                    "of no use",
                    format!("say what each lies on: `pvs = […]`; of {}", list(self.own.iter().map(|own| &own.id))),
                );
            }
        }
    }

    fn used_twice(&self, problems: &mut Problems) {
        let mut users: BTreeMap<&Name, &Name> = BTreeMap::new();
        for (name, volume) in &self.group.lvs {
            for (key, cache) in [("writecache", &volume.writecache), ("cache", &volume.cache)] {
                let Some(cache) = cache else { continue };
                if let Some(other) = users.insert(cache, name).filter(|other| *other != name) {
                    problems.add(
                        &self.at.join(name).join(key),
                        "storage::cache_used_twice",
                        format!("volume `{cache}` is the cache of both `{other}` and `{name}`"),
                        format!("already `{other}`'s"),
                        "make a cache volume for each",
                    );
                }
            }
        }
    }

    /// Volumes that want the same physical volumes: one `end` among them, shares of 100% at most, and room for all.
    fn space(&self, problems: &mut Problems) {
        let whole = format!("group `{}`", self.name);
        let mut told = BTreeSet::new();
        let places: BTreeSet<NodeId> = self.own.iter().map(|holder| holder.id.clone()).collect();
        for place in &places {
            let on: Vec<_> = self.taking().filter(|(_, volume)| self.pvs(volume).contains(place)).collect();
            // Several places are shared by the same volumes: that is told once.
            let names: Vec<_> = on.iter().map(|(name, _)| *name).collect();
            if told.insert(names) {
                let extents = on.iter().map(|(name, volume)| (name.to_string(), volume.size));
                shares(&self.at, &whole, "volume", extents, problems);
            }
            let alone = on.iter().filter(|(_, volume)| self.pvs(volume).len() == 1);
            let wanted = alone.filter_map(|(_, volume)| fixed(volume.size)).fold(0, u64::saturating_add);
            let spread = on.iter().filter_map(|(_, volume)| self.each(volume)).fold(0, u64::saturating_add);
            let wanted = wanted.saturating_add(spread);
            self.room(place.as_str(), self.capacity(place), wanted, problems);
        }
        let all =
            places.iter().map(|place| self.capacity(place)).try_fold(0_u64, |all, own| Some(all.saturating_add(own?)));
        let taken = |volume: &Volume| match self.each(volume) {
            Some(each) => Some(each.saturating_mul(self.pvs(volume).len() as u64)),
            None => fixed(volume.size),
        };
        let wanted = self.taking().filter_map(|(_, volume)| taken(volume)).fold(0, u64::saturating_add);
        self.room(&format!("lvm_vg.{}", self.name), all, wanted, problems);
    }

    /// The volumes that take room of the group: thin ones take it of their pool.
    fn taking(&self) -> impl Iterator<Item = (&Name, &Volume)> {
        self.group.lvs.iter().filter(|(_, volume)| volume.thin() != Some(Thin::Volume))
    }

    /// What a spread volume of a fixed size takes of each of its physical volumes.
    fn each(&self, volume: &Volume) -> Option<u64> {
        let stripes = volume.spread()?.stripes(self.pvs(volume).len()) as u64;
        Some(fixed(volume.size)?.div_ceil(stripes))
    }

    fn room(&self, place: &str, capacity: Option<u64>, wanted: u64, problems: &mut Problems) {
        let Some(capacity) = capacity.filter(|capacity| wanted > *capacity) else { return };
        problems.add(
            &self.at,
            "storage::does_not_fit",
            format!("the volumes on `{place}` want {}, and it has {}", Size(wanted), Size(capacity)),
            "too large together",
            "make one of them smaller, or write \"end\" for what is left",
        );
    }

    /// What a device holds in bytes, if its declaration tells; an array's from its members.
    fn capacity(&self, node: &NodeId) -> Option<u64> {
        let holder = self.tree.holders.iter().find(|holder| holder.id == *node)?;
        if let Kind::Partition(partition) = holder.kind
            && partition.size == Extent::End
        {
            return None;
        }
        let Kind::Array = holder.kind else { return holder.size };
        let (name, array) = self.tree.storage.mdadm.iter().find(|(name, _)| NodeId::array(name) == *node)?;
        let sizes: Option<Vec<u64>> = self
            .tree
            .holders
            .iter()
            .filter_map(|member| match member.content {
                Some(Content::Mdraid(own)) if own.name == *name && !own.spare => Some(member.size),
                _ => None,
            })
            .collect();
        let sizes = sizes?;
        Some(array.level.capacity(sizes.len(), sizes.iter().copied().min()?))
    }
}
