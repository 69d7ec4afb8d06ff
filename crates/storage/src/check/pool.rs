//! ZFS pools: which devices serve for what, how many, and what may be said of datasets.

use super::filesystem::options;
use super::holder::{Holder, Kind, Tree, list};
use crate::tree::{Content, Dataset, Encryption, Vdev, VdevMode, Zpool};
use crate::{Name, NodeId, Size};
use document::{Path, Problems};
use std::collections::BTreeMap;

/// ZFS takes no smaller device (`SPA_MINDEVSIZE`).
const MIN: u64 = 64 << 20;
/// Words with which the name of no pool may begin, or that it may not be (zpool-create(8)).
const RESERVED: [&str; 5] = ["mirror", "raidz", "draid", "spare", "log"];
/// What follows from the tree.
const OWN: [(&str, &str); 10] = [
    ("mountpoint", "write `mountpoint` beside `properties`: the system mounts it, not ZFS itself"),
    ("canmount", "a dataset without `mountpoint` is not mounted"),
    ("volsize", "write `size` beside `properties`"),
    ("encryption", "write `encryption = { cipher = \"aes-256-gcm\" }` beside `properties`"),
    ("keyformat", "write `encryption` beside `properties`: the key is a passphrase"),
    ("keylocation", "write `encryption = { boot_key_file = \"…\" }` beside `properties`"),
    ("pbkdf2iters", "ZFS's own number is taken"),
    ("sharenfs", "shares are declared under `services`"),
    ("sharesmb", "shares are declared under `services`"),
    ("mlslabel", "it is of no use on Linux"),
];
const POOL_OWN: [&str; 6] = ["comment", "cachefile", "guid", "altroot", "readonly", "bootfs"];
const CIPHERS: [&str; 6] = ["aes-128-ccm", "aes-192-ccm", "aes-256-ccm", "aes-128-gcm", "aes-192-gcm", "aes-256-gcm"];

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    let mut members: BTreeMap<&Name, Vec<&Holder<'_>>> = BTreeMap::new();
    for holder in &tree.holders {
        let Some(Content::Zfs(member)) = holder.content else { continue };
        place(holder, problems);
        if tree.storage.zpool.contains_key(&member.pool) {
            members.entry(&member.pool).or_default().push(holder);
        } else {
            problems.add(
                &holder.content_at().join("pool"),
                "storage::unknown_pool",
                format!("`{}` is a device of ZFS pool `{}`, which is not declared", holder.id, member.pool),
                "no such pool",
                format!("declared pools: {}; declare it as `zpool.{}`", list(tree.storage.zpool.keys()), member.pool),
            );
        }
    }
    for (name, pool) in &tree.storage.zpool {
        let at = tree.at.join("zpool").join(name);
        named(name, &at, problems);
        whole(name, pool, &at, members.get(name).map(Vec::as_slice).unwrap_or_default(), problems);
        said(name, pool, &at, problems);
    }
    host_ids(tree, problems);
}

/// A machine has one host id.
fn host_ids(tree: &Tree<'_>, problems: &mut Problems) {
    let said = |(name, pool): (_, &Zpool)| Some((name, pool.host_id.clone()?));
    let mut said = tree.storage.zpool.iter().filter_map(said);
    let Some((first, host_id)) = said.next() else { return };
    for (name, _) in said.filter(|(_, other)| *other != host_id) {
        let message = format!("`{}` has another host id than `{}`", NodeId::pool(name), NodeId::pool(first));
        let help = "a machine has one: say it at one pool, and remove the others";
        let at = tree.at.join("zpool").join(name).join("host_id");
        problems.add(&at, "storage::bad_host_id", message, "another one", help);
    }
}

/// Can a device of a pool stand here?
fn place(holder: &Holder<'_>, problems: &mut Problems) {
    let what = match holder.kind {
        Kind::Disk => Some(("a whole disk", "on which ZFS puts a table of its own")),
        Kind::Array => Some(("an array", "on which ZFS puts a table of its own")),
        Kind::Zvol => Some(("a volume of a pool", "and a pool on a pool locks up")),
        Kind::Partition(_) | Kind::Volume(_) | Kind::Crypt(_) => None,
    };
    if let Some((what, why)) = what {
        problems.add(
            &holder.content_at().join("type"),
            "storage::misplaced_zfs",
            format!("`{}` is {what}, {why}", holder.id),
            "no device of a pool here",
            "write `type = \"gpt\"` with one partition: { partitions.zfs = { content = { type = \"zfs\", … } } }",
        );
    }
    if let Some(size) = holder.size.filter(|size| *size < MIN) {
        problems.add(
            &holder.at.join("size"),
            "storage::too_small",
            format!("`{}` has {}, and a device of a ZFS pool needs {}", holder.id, Size(size), Size(MIN)),
            "too small",
            "make it larger",
        );
    }
}

fn named(name: &Name, at: &Path, problems: &mut Problems) {
    let text = name.as_ref();
    let letter = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let controller = text.strip_prefix('c').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !letter || controller || RESERVED.iter().any(|word| text.starts_with(word)) {
        problems.add(
            at,
            "storage::bad_pool_name",
            format!("ZFS calls no pool `{name}`"),
            "not a pool's name",
            "begin it with a letter, and not with `mirror`, `raidz`, `draid`, `spare`, `log`, or `c` and a digit",
        );
    }
}

fn whole(name: &Name, pool: &Zpool, at: &Path, all: &[&Holder<'_>], problems: &mut Problems) {
    let mut used: BTreeMap<&NodeId, Path> = BTreeMap::new();
    let listed = [("vdev", &pool.vdev), ("special", &pool.special), ("dedup", &pool.dedup), ("log", &pool.log)];
    for (key, vdevs) in listed {
        for (index, vdev) in vdevs.iter().enumerate() {
            let at = at.join(key).join(index);
            refers(name, &at.join("members"), &vdev.members, all, &mut used, problems);
            enough(name, &at, vdev, all, problems);
            if key == "log" && vdev.mode.is_some_and(|mode| mode != VdevMode::Mirror) {
                problems.add(
                    &at.join("mode"),
                    "storage::log_mode",
                    format!("a log of ZFS pool `{name}` cannot be {}", vdev.mode.map_or("", VdevMode::word)),
                    "mirror or nothing",
                    "write `mode = \"mirror\"`, or remove it",
                );
            }
        }
    }
    refers(name, &at.join("cache"), &pool.cache, all, &mut used, problems);
    refers(name, &at.join("spare"), &pool.spare, all, &mut used, problems);
    let rest: Vec<NodeId> = all.iter().map(|holder| &holder.id).filter(|id| !used.contains_key(id)).cloned().collect();
    if rest.is_empty() && pool.vdev.is_empty() {
        problems.add(
            at,
            "storage::no_members",
            format!("ZFS pool `{name}` has no devices for data"),
            "nothing lies below it",
            format!("give devices `content = {{ type = \"zfs\", pool = \"{name}\" }}`, or remove the pool"),
        );
    } else if rest.is_empty() && pool.mode.is_some() {
        problems.add(
            &at.join("mode"),
            "storage::mode_of_nothing",
            format!("all devices of ZFS pool `{name}` are named by lists, each with a mode of its own"),
            "of no device",
            "remove it",
        );
    } else if !rest.is_empty() {
        enough(name, at, &Vdev { mode: pool.mode, members: rest }, all, problems);
    }
}

fn refers<'a>(
    name: &Name,
    at: &Path,
    members: &'a [NodeId],
    all: &[&Holder<'_>],
    used: &mut BTreeMap<&'a NodeId, Path>,
    problems: &mut Problems,
) {
    for (index, id) in members.iter().enumerate() {
        let at = at.join(index);
        if !all.iter().any(|holder| holder.id == *id) {
            problems.add(
                &at,
                "storage::no_device_of_pool",
                format!("`{id}` is no device of ZFS pool `{name}`"),
                "no such device",
                format!("its devices: {}", list(all.iter().map(|holder| &holder.id))),
            );
        }
        if let Some(other) = used.insert(id, at.clone()) {
            problems.add(
                &at,
                "storage::device_twice",
                format!("`{id}` is named at `{other}` too"),
                "named before",
                "a device serves once: remove it from one of the lists",
            );
        }
    }
}

fn enough(name: &Name, at: &Path, vdev: &Vdev, all: &[&Holder<'_>], problems: &mut Problems) {
    let Some(mode) = vdev.mode else {
        if vdev.members.is_empty() {
            let help = "name its devices, or remove it";
            problems.add(&at.join("members"), "storage::too_few_members", "a vdev without devices", "no devices", help);
        }
        return;
    };
    if vdev.members.len() < mode.min_members() {
        let (count, min) = (vdev.members.len(), mode.min_members());
        problems.add(
            &at.join("mode"),
            "storage::too_few_members",
            format!("a vdev of ZFS pool `{name}` has {count} of the {min} devices that {mode} needs"),
            "too few devices",
            format!("its devices: {}", list(&vdev.members)),
        );
    }
    let mut disks: BTreeMap<String, &NodeId> = BTreeMap::new();
    for holder in all.iter().filter(|it| vdev.members.contains(&it.id) && it.root().starts_with("disk.")) {
        if let Some(other) = disks.insert(holder.root(), &holder.id) {
            problems.add(
                &holder.content_at(),
                "storage::members_share_disk",
                format!("`{other}` and `{}` of ZFS pool `{name}` lie on one disk, and die together", holder.id),
                format!("on the same disk as `{other}`"),
                "take a partition of another disk",
            );
        }
    }
}

/// What is said of the pool and of its datasets.
fn said(name: &Name, pool: &Zpool, at: &Path, problems: &mut Problems) {
    let id = NodeId::pool(name);
    for (key, value) in &pool.pool_properties {
        let at = at.join("pool_properties").join(key);
        property(&id, &at, key, value, problems);
        if POOL_OWN.contains(&key.as_str()) {
            let message = format!("`{key}` is not for `{id}` to say");
            problems.add(&at, "storage::bad_property", message, "homehive's own", "remove it");
        }
    }
    if pool.guid.as_ref().is_some_and(|guid| guid.parse::<u64>().is_err()) {
        let help = "write the number that `zpool get -H -o value guid` prints, in quotes";
        problems.add(&at.join("guid"), "storage::bad_guid", format!("`{id}` has no such GUID"), "no number", help);
    }
    let digits = |text: &str| text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if let Some(host_id) = pool.host_id.as_deref().filter(|id| !digits(id) || *id == "00000000") {
        let message = format!("`{}` is no host id", host_id.escape_debug());
        let help = "write the 8 digits that `hostid` prints on that machine, in quotes and in small letters";
        problems.add(&at.join("host_id"), "storage::bad_host_id", message, "not 8 hexadecimal digits", help);
    }
    properties(&id, at, &pool.properties, problems);
    options(&id, at, &pool.options, problems);
    encryption(&id, at, pool.encryption.as_ref(), problems);
    for (path, dataset) in &pool.datasets {
        let (id, at) = (id.dataset(path.as_ref()), at.join("datasets").join(path));
        properties(&id, &at, &dataset.properties, problems);
        options(&id, &at, &dataset.options, problems);
        encryption(&id, &at, dataset.encryption.as_ref(), problems);
        sort(&id, &at, dataset, problems);
    }
}

/// A filesystem or a volume, and not a mixture.
fn sort(id: &NodeId, at: &Path, dataset: &Dataset, problems: &mut Problems) {
    match dataset.size {
        Some(_) if dataset.empty_snapshot.is_some() => problems.add(
            &at.join("empty_snapshot"),
            "storage::volume_snapshot",
            format!("`{id}` is a volume, and with nothing in it there is nothing to go back to"),
            "not of a volume",
            "remove it, or remove `size`: then it is a filesystem",
        ),
        Some(_) if dataset.mountpoint.is_some() => problems.add(
            &at.join("mountpoint"),
            "storage::volume_mounted",
            format!("`{id}` is a volume, and what it holds is mounted, not the volume"),
            "not of a volume",
            "write it in its `content`, or remove `size`: then it is a filesystem",
        ),
        Some(size) if size.0 == 0 || !size.0.is_multiple_of(1 << 20) => problems.add(
            &at.join("size"),
            "storage::volume_size",
            format!("`{id}` cannot have {}", size.exact()),
            "not in whole MiB",
            "write `size = \"4GiB\"`, for example",
        ),
        None if dataset.content.is_some() => problems.add(
            &at.join("content"),
            "storage::filesystem_with_content",
            format!("`{id}` is a filesystem, and holds files"),
            "not of a filesystem",
            "write `size` too: then it is a volume, which holds this",
        ),
        Some(_) | None => {}
    }
}

fn properties(id: &NodeId, at: &Path, all: &BTreeMap<String, String>, problems: &mut Problems) {
    for (key, value) in all {
        let at = at.join("properties").join(key);
        property(id, &at, key, value, problems);
        if let Some((_, help)) = OWN.iter().find(|(own, _)| own == key) {
            let message = format!("`{key}` is not for `properties` of `{id}` to say");
            problems.add(&at, "storage::bad_property", message, "said elsewhere", *help);
        }
    }
}

fn property(id: &NodeId, at: &Path, key: &str, value: &str, problems: &mut Problems) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ":._@-".contains(c);
    let good = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.chars().all(plain)
        && key.len() <= 255
        && value.len() <= 1024
        && !value.is_empty()
        && !value.contains(char::is_control);
    if !good {
        problems.add(
            at,
            "storage::bad_property",
            format!("`{id}` cannot have the property `{}` with this value", key.escape_debug()),
            "no property",
            "a name of small letters, digits, `:`, `.`, `_`, `-`, and a value in one line",
        );
    }
}

fn encryption(id: &NodeId, at: &Path, declared: Option<&Encryption>, problems: &mut Problems) {
    let Some(declared) = declared else { return };
    let at = at.join("encryption");
    if let Some(cipher) = declared.cipher.as_ref().filter(|cipher| !CIPHERS.contains(&cipher.as_str())) {
        let message = format!("`{id}` cannot be encrypted with `{}`", cipher.escape_debug());
        let help = format!("write one of {}", CIPHERS.join(", "));
        problems.add(&at.join("cipher"), "storage::bad_cipher", message, "no such cipher", help);
    }
    let path = declared.boot_key_file.as_ref();
    if path.is_some_and(|path| !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control())) {
        let message = format!("`{id}` cannot be opened with such a file");
        let help = "write an absolute path on the machine, without blanks";
        problems.add(&at.join("boot_key_file"), "storage::bad_key_file", message, "no absolute path", help);
    }
}
