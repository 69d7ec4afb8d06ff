//! Volume groups and their volumes.

use super::attrs::Attrs;
use super::content::Site;
use super::device::{Entry, entries, inside};
use super::finding::Report;
use super::plain;
use super::size::{self, Volume as Told};
use crate::tree::{Spread, Storage, Thin, Volume, VolumeGroup, VolumeType};
use crate::{Extent, Name, NodeId, Size};

/// A volume that takes its place in the group's order.
struct Lv {
    name: Name,
    place: super::attrs::Place,
    /// As disko sorts them.
    priority: i64,
    told: Told,
    volume: Volume,
}

impl Lv {
    fn is_thin(&self) -> bool {
        self.volume.thin() == Some(Thin::Volume)
    }
}

pub(super) fn groups(all: &mut Attrs<'_>, storage: &mut Storage, report: &mut Report) {
    for Entry { mut attrs, given, name } in entries(all, "lvm_vg", NodeId::group, report) {
        attrs.text("type", report);
        attrs.hooks(report);
        let id = NodeId::group(&name);
        let mut lvs: Vec<Lv> = Vec::new();
        for Entry { mut attrs, given: volume, name } in entries(&mut attrs, "lvs", |name| id.child(name), report) {
            let device = format!("/dev/{given}/{volume}");
            lvs.extend(lv(&mut attrs, name, &device, &id, report));
        }
        attrs.close(report);
        lvs.sort_by_key(|lv| lv.priority);
        sizes(&mut lvs, report);
        order(&mut lvs);
        let lvs = lvs.into_iter().map(|lv| (lv.name, lv.volume)).collect();
        storage.lvm_vg.insert(name, VolumeGroup { lvs, ..VolumeGroup::default() });
    }
}

/// One volume, if it is of a sort that homehive makes.
fn lv(attrs: &mut Attrs<'_>, name: Name, device: &str, group: &NodeId, report: &mut Report) -> Option<Lv> {
    let kind = attrs.text("lvm_type", report);
    let size = attrs.text("size", report).unwrap_or_default();
    let priority = attrs.whole("priority", report);
    let pool = attrs.text("pool", report);
    let lvm_type = kind.as_deref().and_then(lvm_type);
    if kind.as_deref() == Some("mirror") {
        let help = "the same, without LVM's older log of what is in step";
        report.changed(&attrs.place.join("lvm_type"), "`mirror` becomes `raid1`", help);
    }
    if let (Some(kind), None) = (&kind, lvm_type) {
        let help = "homehive knows no such type of volume: let the group lie on an md array (`mdadm`) instead";
        // The volume is in no tree: the group it would be in is where it is told of.
        let place = attrs.place.clone().of(group.clone());
        report.left_out(&place, format!("volume of type `{}`, with what it holds", kind.escape_debug()), help);
        return None;
    }
    let args = attrs.texts("extraArgs", report);
    if !args.is_empty() {
        let message = format!("arguments of lvcreate have no counterpart: `{}`", args.join(" ").escape_debug());
        let help = "where a volume lies is said by `pvs`, a cache by `writecache` or `cache`";
        report.left_out(&attrs.place.join("extraArgs"), message, help);
    }
    let content = inside(attrs, &Site { device, parent: "" }, report);
    let Some(told) = size::lvcreate(&size) else {
        let message = format!("volume of size `{}`, which homehive cannot tell", size.escape_debug());
        let place = attrs.place.clone().of(group.clone());
        report.left_out(&place, message, "write a size, `100%FREE`, or a share such as `50%VG`");
        return None;
    };
    let late = if size.contains("100%") { 251 } else { 0 };
    let usual = if lvm_type == Some(VolumeType::Thin(Thin::Pool)) { 501 } else { 1000 };
    let priority = priority.unwrap_or(usual + late);
    let volume = Volume {
        size: Extent::End,
        lvm_type,
        pool: pool.filter(|_| lvm_type == Some(VolumeType::Thin(Thin::Volume))).and_then(|pool| plain(&pool)),
        pvs: None,
        writecache: None,
        cache: None,
        cache_mode: None,
        priority: None,
        uuid: None,
        persistent: None,
        content,
    };
    attrs.close(report);
    Some(Lv { name, place: attrs.place.clone(), priority, told, volume })
}

/// What a volume of this type is; disko hands the word to lvcreate(8), but for that of thin volumes.
fn lvm_type(kind: &str) -> Option<VolumeType> {
    if kind == "mirror" {
        return Some(VolumeType::Spread(Spread::Raid1));
    }
    VolumeType::named(kind)
}

/// disko's shares are of what is free when a volume is made; ours are of what all fixed sizes leave.
fn sizes(lvs: &mut [Lv], report: &mut Report) {
    let last_fixed = lvs.iter().rposition(|lv| matches!(lv.told, Told::Bytes(_)) && !lv.is_thin());
    let fixed = last_fixed.is_some();
    // Hundredths of a percent, of what the fixed sizes leave.
    let mut free: u32 = 10_000;
    for (index, lv) in lvs.iter_mut().enumerate() {
        let (share, exact) = match lv.told {
            Told::Bytes(bytes) => {
                lv.volume.size = Extent::Size(Size(bytes));
                continue;
            }
            // What is free then is all that is left, unless a fixed size comes after it.
            Told::Free(share) => (free * u32::from(share) / 100, last_fixed.is_none_or(|last| last < index)),
            Told::Group(share) => (u32::from(share) * 100, !fixed),
        };
        let whole = share >= free;
        free = free.saturating_sub(share);
        let percent = u8::try_from((share / 100).clamp(1, 99)).unwrap_or(99);
        lv.volume.size = if whole { Extent::End } else { Extent::Percent(percent) };
        if !exact || (!whole && share % 100 != 0) {
            let message = format!("a share of what is free at that moment becomes `{}`", lv.volume.size);
            let help = "here a share is of what all fixed sizes leave, in whole percent: write the size that you mean";
            report.changed(&lv.place.join("size"), message, help);
        }
    }
}

/// Where our own order would be another, disko's is written down; what takes the rest is last in any case.
fn order(lvs: &mut [Lv]) {
    lvs.sort_by_key(|lv| (lv.is_thin(), lv.volume.size == Extent::End));
    // Thin volumes take nothing of the group, first or last.
    let taking = lvs.iter().position(Lv::is_thin).unwrap_or(lvs.len());
    let lvs = &mut lvs[..taking];
    let mut ours: Vec<_> = lvs.iter().map(|lv| (crate::wish::volume_rank(&lv.volume), lv.name.clone())).collect();
    ours.sort();
    if ours.iter().map(|(_, name)| name).ne(lvs.iter().map(|lv| &lv.name)) {
        for (lv, priority) in lvs.iter_mut().zip((1..).map(|place| place * 10)) {
            lv.volume.priority = Some(priority);
        }
    }
}
