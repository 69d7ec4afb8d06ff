//! disko's ZFS pools, their vdevs and their datasets.

use super::attrs::{Attrs, Place, Usual};
use super::content::{Site, options};
use super::device::{Entry, entries, inside};
use super::finding::Report;
use super::named;
use crate::tree::{
    Content, Dataset, DatasetPath, Encryption, Partition, Storage, Table, Vdev, VdevMode, ZfsMember, Zpool,
};
use crate::{Name, NodeId, Size};
use document::{Kind, Value};
use std::collections::BTreeMap;

/// A device of a pool.
pub(super) fn member(attrs: &mut Attrs<'_>, report: &mut Report) -> Option<Content> {
    let pool = attrs.text("pool", report);
    let place = attrs.place.join("pool");
    let Some(pool) = pool else {
        report.left_out(&place, "this device does not name its pool", "name it in disko's tree, and import again");
        return None;
    };
    Some(Content::Zfs(ZfsMember { pool: named(&pool, &place, report)? }))
}

/// ZFS puts a table of its own on a whole disk: here it is declared.
pub(super) fn whole_disks(storage: &mut Storage, report: &mut Report) {
    for (name, disk) in &mut storage.disk {
        let Some(Content::Zfs(_)) = disk.content else { continue };
        let place = Place::root().join("disk").join(name).join("content").of(NodeId::disk(name));
        let help = "ZFS itself makes a table with such a partition when it is given a whole disk";
        report.changed(&place, "the disk gets a GPT with one partition, `zfs`, for the pool", help);
        let Ok(partition) = "zfs".parse::<Name>() else { continue };
        let content = disk.content.take();
        let of = Partition { content, ..Partition::default() };
        disk.content = Some(Content::Gpt(Table { partitions: BTreeMap::from([(partition, of)]), ..Table::default() }));
    }
}

pub(super) fn pools(all: &mut Attrs<'_>, storage: &mut Storage, report: &mut Report) {
    for Entry { mut attrs, given, name } in entries(all, "zpool", NodeId::pool, report) {
        attrs.text("type", report);
        let mut pool = Zpool { empty_snapshot: empty_snapshot(&mut attrs, &given), ..Zpool::default() };
        attrs.hooks(report);
        mode(&mut attrs, storage, &name, &mut pool, report);
        pool.pool_properties = properties(&mut attrs, "options", report);
        // Where ZFS would keep a list of pools, none is needed.
        pool.pool_properties.remove("cachefile");
        let mut root = Dataset { mountpoint: attrs.text("mountpoint", report), ..Dataset::default() };
        own(&mut root, properties(&mut attrs, "rootFsOptions", report), &attrs.place.join("rootFsOptions"), report);
        pool.options = options(&mut attrs, report);
        (pool.mountpoint, pool.properties, pool.encryption) = (root.mountpoint, root.properties, root.encryption);
        if let Some(value) = attrs.raw("datasets") {
            datasets(value, &attrs.place.join("datasets"), &given, &mut pool, report);
        }
        attrs.close(report);
        storage.zpool.insert(name, pool);
    }
}

fn datasets(value: &Value, place: &Place, pool_name: &str, pool: &mut Zpool, report: &mut Report) {
    let Some(set) = Attrs::open(value, place.clone(), report) else { return };
    for key in set.names() {
        let Some(value) = set.entry(key) else { continue };
        let Some(mut attrs) = Attrs::open(value, set.place.join(key), report) else { continue };
        let given = attrs.text("name", report).unwrap_or_else(|| key.to_owned());
        let kind = attrs.text("type", report).unwrap_or_else(|| "zfs_fs".to_owned());
        let empty_snapshot = empty_snapshot(&mut attrs, &format!("{pool_name}/{given}")).filter(|_| kind == "zfs_fs");
        attrs.hooks(report);
        let path = match given.parse::<DatasetPath>() {
            Ok(path) => path,
            Err(reason) => {
                let message = format!("dataset `{}`", given.escape_debug());
                report.left_out(&attrs.place, message, reason.to_string());
                continue;
            }
        };
        let mut dataset = Dataset { empty_snapshot, ..Dataset::default() };
        if kind == "zfs_volume" {
            let size = attrs.text("size", report).unwrap_or_default();
            let Ok(bytes) = size.parse::<Size>() else {
                let message = format!("a volume of size `{}`", size.escape_debug());
                report.left_out(&attrs.place.join("size"), message, "write a size, such as \"4G\"");
                continue;
            };
            dataset.size = Some(bytes);
            let device = format!("/dev/zvol/{pool_name}/{given}");
            dataset.content = inside(&mut attrs, &Site { device: &device, parent: "" }, report);
            attrs.texts("mountOptions", report);
        } else {
            dataset.mountpoint = attrs.text("mountpoint", report);
            dataset.options = options(&mut attrs, report);
        }
        let help = "datasets are made in one way; make it by hand to have another";
        attrs.leave("extraArgs", &[], help, report);
        own(&mut dataset, properties(&mut attrs, "options", report), &attrs.place.join("options"), report);
        attrs.close(report);
        pool.datasets.insert(path, dataset);
    }
}

/// The name of the snapshot that a hook takes of what is made, if that is all that it does: `zfs snapshot tank@blank`, also
/// behind a question whether it is there.
fn empty_snapshot(attrs: &mut Attrs<'_>, full: &str) -> Option<Name> {
    let Kind::Text(hook) = &attrs.entry("postCreateHook")?.kind else { return None };
    let (asked, taken) = hook.rsplit_once("||").unwrap_or(("zfs list -t snapshot", hook));
    let asks = asked.trim_start().starts_with("zfs list -t snapshot") && !asked.contains([';', '&', '>', '`', '\n']);
    let words: Vec<&str> = taken.split_whitespace().collect();
    let ["zfs", "snapshot", target] = words[..] else { return None };
    let (of, name) = target.trim_matches('"').split_once('@')?;
    let name = name.parse().ok().filter(|_| asks && of == full)?;
    attrs.raw("postCreateHook");
    Some(name)
}

/// The properties of a dataset: some have words of their own here.
fn own(dataset: &mut Dataset, mut all: BTreeMap<String, String>, place: &Place, report: &mut Report) {
    let off = all.remove("canmount").is_some_and(|word| word == "off");
    match all.remove("mountpoint").as_deref() {
        None | Some("legacy") => {}
        // disko mounts where its own word says, unless this one says that nothing is.
        Some("none") => dataset.mountpoint = None,
        Some(path) if dataset.mountpoint.is_none() => {
            let message = format!("ZFS would mount it at `{}` by itself", path.escape_debug());
            report.left_out(&place.join("mountpoint"), message, "write `mountpoint` in disko's tree, and import again");
        }
        Some(path) if dataset.mountpoint.as_deref() != Some(path) => {
            let message = format!("ZFS would mount it at `{}`, the tree says otherwise", path.escape_debug());
            report.left_out(&place.join("mountpoint"), message, "the tree's word counts: nothing to do");
        }
        Some(_) => {}
    }
    if off {
        dataset.mountpoint = None;
    }
    dataset.encryption = encryption(&mut all, place, report);
    dataset.properties = all;
}

fn encryption(all: &mut BTreeMap<String, String>, place: &Place, report: &mut Report) -> Option<Encryption> {
    let (cipher, format, location) = (all.remove("encryption"), all.remove("keyformat"), all.remove("keylocation"));
    let cipher = cipher.filter(|cipher| cipher != "off")?;
    if let Some(format) = format.filter(|format| format != "passphrase") {
        let message =
            format!("a key of the form `{}` has no counterpart: a passphrase is wanted", format.escape_debug());
        report.left_out(&place.join("keyformat"), message, "take a passphrase, or make this part by hand");
        return None;
    }
    let file = location.as_deref().and_then(|at| at.strip_prefix("file://")).map(str::to_owned);
    if let Some(file) = &file {
        let message = format!("`{}` is read where homehive runs, and when the machine boots", file.escape_debug());
        let help = "put the passphrase there, or remove `key_file` and `boot_key_file`: then it is asked for";
        report.fill_in(&place.join("keylocation"), message, help);
    }
    // `on` is the default cipher.
    let cipher = Some(cipher).filter(|cipher| cipher != "on");
    Some(Encryption { cipher, key_file: file.clone(), boot_key_file: file })
}

fn properties(attrs: &mut Attrs<'_>, key: &'static str, report: &mut Report) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Some(value) = attrs.raw(key) else { return found };
    let Some(set) = Attrs::open(value, attrs.place.join(key), report) else { return found };
    for name in set.names() {
        match set.entry(name).map(|value| &value.kind) {
            Some(Kind::Text(text)) => drop(found.insert(name.to_owned(), text.clone())),
            Some(Kind::Integer(number)) => drop(found.insert(name.to_owned(), number.to_string())),
            _ => report.left_out(&set.place.join(name), "a property that is no text", "write it as text"),
        }
    }
    found
}

fn vdev_mode(word: &str, place: &Place, report: &mut Report) -> Option<VdevMode> {
    let mode = VdevMode::named(word);
    if mode.is_none() && !word.is_empty() {
        let message = format!("a vdev of mode `{}`", word.escape_debug());
        report.left_out(place, message, "take mirror, raidz1, raidz2 or raidz3");
    }
    mode
}

fn mode(attrs: &mut Attrs<'_>, storage: &Storage, name: &Name, pool: &mut Zpool, report: &mut Report) {
    let Some(value) = attrs.raw("mode") else { return };
    let place = attrs.place.join("mode");
    if let Kind::Text(word) = &value.kind {
        pool.mode = vdev_mode(word, &place, report);
        return;
    }
    let Some(mut outer) = Attrs::open(value, place, report) else { return };
    let topology = outer.raw("topology");
    outer.close(report);
    let Some(mut set) = topology.and_then(|value| Attrs::open(value, outer.place.join("topology"), report)) else {
        return;
    };
    set.text("type", report);
    pool.vdev = vdevs(&mut set, "vdev", storage, name, report);
    pool.log = vdevs(&mut set, "log", storage, name, report);
    pool.dedup = vdevs(&mut set, "dedup", storage, name, report);
    pool.special = vdevs(&mut set, "special", storage, name, report);
    for (key, to) in [("spare", &mut pool.spare), ("cache", &mut pool.cache)] {
        let place = set.place.join(key);
        let words = set.texts(key, report);
        to.extend(words.iter().filter_map(|word| device(word, storage, name, &place, report)));
    }
    set.close(report);
}

fn vdevs(set: &mut Attrs<'_>, key: &'static str, storage: &Storage, name: &Name, report: &mut Report) -> Vec<Vdev> {
    let Some(value) = set.raw(key) else { return Vec::new() };
    let place = set.place.join(key);
    let one = std::slice::from_ref(value);
    let list = if let Kind::List(list) = &value.kind { list } else { one };
    let mut found = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let Some(mut attrs) = Attrs::open(value, place.join(index), report) else { continue };
        let word = attrs.text("mode", report).unwrap_or_default();
        let mode = vdev_mode(&word, &attrs.place.join("mode"), report);
        let place = attrs.place.join("members");
        let words = attrs.texts("members", report);
        let members = words.iter().filter_map(|word| device(word, storage, name, &place, report)).collect();
        attrs.leave("type", &[Usual::Text("vdev")], "it says nothing here", report);
        attrs.close(report);
        found.push(Vdev { mode, members });
    }
    found
}

/// disko names a device of a pool by the disk whose only device of this pool it is, or by its path.
fn device(word: &str, storage: &Storage, pool: &Name, place: &Place, report: &mut Report) -> Option<NodeId> {
    let of = |content: Option<&Content>| matches!(content, Some(Content::Zfs(member)) if member.pool == *pool);
    let mut fitting = Vec::new();
    for (name, disk) in &storage.disk {
        let (id, whole) = (NodeId::disk(name), name.as_ref() == word || disk.device.as_deref() == Some(word));
        if of(disk.content.as_ref()) && whole {
            // It becomes a partition, see `whole_disks`.
            fitting.extend("zfs".parse().ok().map(|part: Name| id.child(&part)));
        }
        let table = disk.content.as_ref().and_then(Content::table);
        for (part, partition) in table.into_iter().flat_map(|(_, table)| &table.partitions) {
            let label = format!("/dev/disk/by-partlabel/disk-{name}-{part}");
            if of(partition.content.as_ref()) && (whole || label == word) {
                fitting.push(id.child(part));
            }
            if let Some(Content::Luks(luks)) = &partition.content
                && of(luks.content.as_deref())
                && (whole || word == format!("/dev/mapper/{}", luks.name))
            {
                fitting.push(NodeId::crypt(&luks.name));
            }
        }
    }
    for (group, declared) in &storage.lvm_vg {
        for (volume, it) in &declared.lvs {
            if of(it.content.as_ref()) && word == format!("/dev/{group}/{volume}") {
                fitting.push(NodeId::group(group).child(volume));
            }
        }
    }
    if let [one] = fitting.as_slice() {
        return Some(one.clone());
    }
    let message = format!("`{}` is no device of the pool that the tree declares", word.escape_debug());
    report.left_out(place, message, "name its node among the pool's devices");
    None
}
