//! Thin pools and thin volumes: each in its place, and with nothing that only other volumes have. That the volumes of a pool
//! may want more than it has is what pools are for.

use super::holder::list;
use crate::tree::{Thin, Volume, VolumeGroup};
use crate::{Extent, Name};
use document::{Path, Problems};

/// Looks at one volume of a group, whose volumes are declared `at`.
pub(super) fn check(group: &VolumeGroup, name: &Name, volume: &Volume, at: &Path, problems: &mut Problems) {
    let look = Look { group, name, volume, at: at.join(name) };
    look.pool(problems);
    match volume.thin() {
        Some(Thin::Pool) => look.is_pool(problems),
        Some(Thin::Volume) => look.is_thin(problems),
        None => {}
    }
    if volume.thin().is_some() {
        look.cached(problems);
        look.caches(problems);
    }
}

struct Look<'a> {
    group: &'a VolumeGroup,
    name: &'a Name,
    volume: &'a Volume,
    at: Path,
}

impl Look<'_> {
    /// A thin volume names its pool, and nothing else names one.
    fn pool(&self, problems: &mut Problems) {
        let name = self.name;
        let pools = || {
            let all = self.group.lvs.iter().filter(|(_, volume)| volume.thin() == Some(Thin::Pool));
            list(all.map(|(name, _)| name))
        };
        match (self.volume.thin(), &self.volume.pool) {
            (Some(Thin::Volume), None) => problems.add(
                &self.at.join("lvm_type"),
                "storage::thin_without_pool",
                format!("thin volume `{name}` lies in no pool"),
                "in which pool",
                format!("name one as `pool`; thin pools of its group: {}", pools()),
            ),
            (Some(Thin::Volume), Some(pool)) => {
                if self.group.lvs.get(pool).and_then(Volume::thin) != Some(Thin::Pool) {
                    problems.add(
                        &self.at.join("pool"),
                        "storage::unknown_pool",
                        format!("volume `{name}` lies in `{pool}`, which is no thin pool of its group"),
                        "no such pool",
                        format!(
                            "thin pools of its group: {}; a pool is a volume with `lvm_type = \"thin-pool\"`",
                            pools()
                        ),
                    );
                }
            }
            (Some(Thin::Pool) | None, Some(_)) => problems.add(
                &self.at.join("pool"),
                "storage::pool_without_thin",
                format!("volume `{name}` names a pool and is no thin volume"),
                "only of thin volumes",
                "add `lvm_type = \"thinlv\"`, or remove `pool`",
            ),
            (Some(Thin::Pool) | None, None) => {}
        }
    }

    fn is_pool(&self, problems: &mut Problems) {
        if let Some(content) = &self.volume.content {
            problems.add(
                &self.at.join("content"),
                "storage::pool_with_content",
                format!("thin pool `{}` cannot hold `{}`", self.name, content.kind()),
                "volumes are in it",
                "give it to a volume in the pool: `lvm_type = \"thinlv\"`, with the pool's name as `pool`",
            );
        }
    }

    fn is_thin(&self, problems: &mut Problems) {
        let name = self.name;
        if !matches!(self.volume.size, Extent::Size(_)) {
            problems.add(
                &self.at.join("size"),
                "storage::thin_share",
                format!("thin volume `{name}` is to have a share of a room that it does not take"),
                "a share of what",
                "write the size that it may grow to, such as \"100GiB\": it may be more than its pool has",
            );
        }
        if self.volume.pvs.is_some() {
            problems.add(
                &self.at.join("pvs"),
                "storage::thin_with_pvs",
                format!("thin volume `{name}` lies where its pool does"),
                "said of its pool",
                "remove `pvs`, and say it of the pool",
            );
        }
    }

    /// LVM caches neither here: a cache in front of a pool would have to be taken off whenever the pool grows.
    fn cached(&self, problems: &mut Problems) {
        for (key, cache) in [("writecache", &self.volume.writecache), ("cache", &self.volume.cache)] {
            if cache.is_some() {
                problems.add(
                    &self.at.join(key),
                    "storage::cached_thin",
                    format!("{} `{}` cannot have a cache", self.what(), self.name),
                    "no cache here",
                    format!("remove `{key}`, or give what shall be fast a volume that is not thin"),
                );
            }
        }
    }

    fn caches(&self, problems: &mut Problems) {
        let cached =
            |other: &&Volume| [&other.writecache, &other.cache].into_iter().flatten().any(|cache| cache == self.name);
        if self.group.lvs.values().any(|other| cached(&other)) {
            problems.add(
                &self.at.join("lvm_type"),
                "storage::thin_cache",
                format!("{} `{}` cannot be a cache", self.what(), self.name),
                "of a cache",
                "remove `lvm_type`: a cache is linear here",
            );
        }
    }

    fn what(&self) -> &'static str {
        match self.volume.thin() {
            Some(Thin::Pool) => "thin pool",
            Some(Thin::Volume) | None => "thin volume",
        }
    }
}
