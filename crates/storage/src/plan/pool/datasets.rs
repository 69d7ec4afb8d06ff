//! The filesystems and volumes of a pool: made, opened, given their properties, grown.

use super::super::planner::{At, Planner, Work, shown};
use super::super::step::{Action, Risk, StepId};
use super::{EMPTY_SNAPSHOT, PENDING, PoolAction};
use crate::facts;
use crate::wish::{Dataset, Kind, Node, Pool};
use crate::{NodeId, Size};
use std::collections::BTreeMap;

/// What ZFS lets nobody change once a dataset is there.
const ONCE: [&str; 4] = ["casesensitivity", "normalization", "utf8only", "volblocksize"];

/// The nearest datasets above, down to the root, which have a place of their own.
fn above<'w>(pool: &'w Pool, path: &'w str) -> impl Iterator<Item = &'w Dataset> {
    pool.datasets.iter().filter(move |it| {
        it.path.is_empty() || path.strip_prefix(it.path.as_str()).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// The steps that what it lies in waits for.
fn waits(planner: &Planner, node: &Node, pool: &Pool, path: &str) -> Vec<StepId> {
    above(pool, path).flat_map(|it| planner.site(&node.id.dataset(&it.path)).after).collect()
}

/// Makes a dataset.
pub(super) fn create(planner: &mut Planner, node: &Node, pool: &Pool, dataset: &Dataset) {
    let id = node.id.dataset(&dataset.path);
    let what = PoolAction::Dataset { full: pool.full(&dataset.path), dataset: Box::new(dataset.clone()) };
    let work = Work { after: waits(planner, node, pool, &dataset.path), touches: Vec::new(), blank: Vec::new() };
    let verb = format!("create {}", dataset.path);
    let step = planner.add(&node.id, &verb, Action::Pool(what), Risk::Creates, work);
    planner.place(&id, At::Made, vec![step]);
}

/// Of an imported pool: what is missing is made, what is closed opened, what differs set.
pub(super) fn keep<'a>(planner: &mut Planner<'a>, node: &'a Node, pool: &'a Pool, known: &facts::Pool) {
    for dataset in &pool.datasets {
        match known.dataset(&dataset.path) {
            None => create(planner, node, pool, dataset),
            Some(found) => one(planner, node, pool, dataset, found),
        }
    }
}

fn one<'a>(planner: &mut Planner<'a>, node: &'a Node, pool: &'a Pool, dataset: &Dataset, found: &facts::Dataset) {
    let id = node.id.dataset(&dataset.path);
    let full = pool.full(&dataset.path);
    let mut after = planner.site(&id).after;
    after.extend(waits(planner, node, pool, &dataset.path));
    after.sort();
    after.dedup();
    let whole = match (dataset.volume, found.volume) {
        (Some(_), None) => Some(("a filesystem", "a volume")),
        (None, Some(_)) => Some(("a volume", "a filesystem")),
        _ => None,
    };
    if let Some((is, declared)) = whole {
        let remedy = format!("declare it as it is, or destroy it by hand: zfs destroy {full}");
        planner.refuse(&id, format!("{full} is {is}, and {declared} is declared"), remedy);
        return planner.place(&id, At::Blocked, after);
    }
    differs(planner, &id, dataset, found);
    let mut hidden = false;
    if let Some(step) = key(planner, node, pool, dataset, found, &after) {
        after.push(step);
        hidden = true;
    }
    after.extend(snapshot(planner, node, (&id, &full), dataset, found, &after));
    // A volume in what is closed has no device before that is open.
    hidden |= closed_above(planner, pool, known_key(found));
    let mut set = changed(dataset, found);
    let mounted_by_itself = found.properties.get("mountpoint").filter(|at| !matches!(at.as_str(), "legacy" | "none"));
    if let Some(at) = mounted_by_itself.filter(|_| dataset.volume.is_none()) {
        if found.mounts.is_empty() {
            set.insert("mountpoint".to_owned(), "legacy".to_owned());
        } else if dataset.mountpoint.is_some() {
            let reason =
                format!("ZFS mounts it itself (mountpoint={at}), and what is declared is mounted by the system");
            planner.refuse(&id, reason, format!("zfs set -u mountpoint=legacy {full}, or apply from the installer"));
        }
    }
    if let Some(mode) = set.remove("volmode") {
        // Volumes may be in use, and are nowhere for a while.
        let reason = format!("with another `volmode`, ZFS takes the devices of {full} away and makes them again");
        planner.refuse(&id, reason, format!("by hand, with none of them in use: zfs set volmode={mode} {full}"));
    }
    if !set.is_empty() {
        let work = Work { after: after.clone(), ..Work::default() };
        let what = PoolAction::Set { full: full.clone(), properties: set };
        let verb = format!("set {}", dataset.path);
        after.push(planner.add(&node.id, verb.trim_end(), Action::Pool(what), Risk::None, work));
    }
    let Some(size) = dataset.volume else { return planner.place(&id, At::Made, after) };
    volume(planner, node, &id, &full, (size, found.volume.unwrap_or_default()), hidden, after);
}

/// The snapshot of what was made and is still empty, for nothing mounts it before that is taken.
fn snapshot(
    planner: &mut Planner,
    node: &Node,
    (id, full): (&NodeId, &str),
    dataset: &Dataset,
    found: &facts::Dataset,
    after: &[StepId],
) -> Option<StepId> {
    let name = dataset.empty_snapshot.as_ref()?;
    let taken = found.properties.get(EMPTY_SNAPSHOT).map(String::as_str);
    if taken == Some(PENDING) && found.mounts.is_empty() {
        let what = PoolAction::Snapshot { full: full.to_owned(), name: name.clone() };
        let work = Work { after: after.to_vec(), ..Work::default() };
        let verb = format!("snapshot {}", dataset.path);
        return Some(planner.add(&node.id, verb.trim_end(), Action::Pool(what), Risk::Creates, work));
    }
    if taken != Some(&format!("@{name}")) {
        let text = format!(
            "{full}@{name} is taken only when it is made, and it is there already; with what is in it now: zfs snapshot \
             {full}@{name} && zfs set {EMPTY_SNAPSHOT}=@{name} {full}"
        );
        planner.note(id, text);
    }
    None
}

/// A volume that is there: as large as declared, and its device seen.
fn volume(
    planner: &mut Planner,
    node: &Node,
    id: &NodeId,
    full: &str,
    (size, spans): (Size, u64),
    hidden: bool,
    mut after: Vec<StepId>,
) {
    let grows = size.0 > spans;
    if grows {
        let work = Work { after: after.clone(), ..Work::default() };
        let properties = BTreeMap::from([("volsize".to_owned(), size.0.to_string())]);
        let what = PoolAction::Set { full: full.to_owned(), properties };
        let verb = format!("grow {}", full.split_once('/').map_or("", |(_, path)| path));
        after.push(planner.add(&node.id, &verb, Action::Pool(what), Risk::Grows, work));
        // What it holds is compared with its new size, which only another look shows.
        planner.plan.hidden.push(id.clone());
    } else if size.0 < spans {
        let reason = format!("it has {}, and {size} is declared: what it holds could be cut off", Size(spans));
        planner.refuse(
            id,
            reason,
            format!("declare `size = \"{}\"`, or shrink it by hand, with a backup", Size(spans)),
        );
        return planner.place(id, At::Blocked, after);
    }
    match planner.sight.device(id) {
        Some(device) => {
            planner.keep(id, shown(&device.content));
            planner.place(id, At::Here(device), after);
        }
        None if hidden => {
            planner.plan.hidden.push(id.clone());
            planner.place(id, At::Hidden, after);
        }
        None => {
            planner.refuse(id, format!("{full} is there, and its device is not"), "see what `zvol_wait` says");
            planner.place(id, At::Blocked, after);
        }
    }
}

/// The dataset whose key opens this one, if it is closed.
fn known_key(found: &facts::Dataset) -> Option<&str> {
    let closed = found.properties.get("keystatus").is_some_and(|status| status == "unavailable");
    found.properties.get("encryptionroot").filter(|_| closed).map(String::as_str)
}

/// Does this plan open the dataset that has the key?
fn closed_above(planner: &Planner, pool: &Pool, root: Option<&str>) -> bool {
    let Some(root) = root else { return false };
    let opens = |what: &Action| matches!(what, Action::Pool(PoolAction::Key { full, .. }) if full == root);
    root.split('/').next() == Some(pool.name.as_ref()) && planner.plan.steps.iter().any(|step| opens(&step.what))
}

/// Opens what has a key of its own and is closed.
fn key(
    planner: &mut Planner,
    node: &Node,
    pool: &Pool,
    dataset: &Dataset,
    found: &facts::Dataset,
    after: &[StepId],
) -> Option<StepId> {
    let id = node.id.dataset(&dataset.path);
    let full = pool.full(&dataset.path);
    let own = found.properties.get("encryptionroot").is_some_and(|root| *root == full);
    match (&dataset.encryption, own) {
        (Some(_), true) => {}
        (Some(_), false) => {
            let remedy = format!("remove `encryption`, or make it anew: zfs destroy {full}, with a backup");
            planner.refuse(&id, format!("{full} is there, without a key of its own"), remedy);
            return None;
        }
        (None, true) => {
            planner.note(&id, "it is encrypted with a key of its own, which the fleet does not say");
            return None;
        }
        (None, false) => return None,
    }
    known_key(found)?;
    let volumes = planner.wish.on(&node.id).any(|above| matches!(above.kind, Kind::Zvol(_)));
    let what = PoolAction::Key { full, key: id, volumes };
    let work = Work { after: after.to_vec(), ..Work::default() };
    let verb = format!("open {}", dataset.path);
    Some(planner.add(&node.id, verb.trim_end(), Action::Pool(what), Risk::None, work))
}

/// The declared properties that are not so, and can be set.
fn changed(dataset: &Dataset, found: &facts::Dataset) -> BTreeMap<String, String> {
    let differs = dataset.properties.iter().filter(|(key, value)| !same(Some(value), found.properties.get(*key)));
    let mut set: BTreeMap<String, String> = differs
        .filter(|(key, _)| !ONCE.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let file = dataset.encryption.as_ref().and_then(|it| it.boot_key_file.as_ref());
    let wanted = file.map_or_else(|| "prompt".to_owned(), |file| format!("file://{file}"));
    if dataset.encryption.is_some() && found.properties.get("keylocation") != Some(&wanted) {
        set.insert("keylocation".to_owned(), wanted);
    }
    set
}

/// What is otherwise than declared and cannot be changed.
fn differs(planner: &mut Planner, id: &NodeId, dataset: &Dataset, found: &facts::Dataset) {
    for (key, value) in dataset.properties.iter().filter(|(key, _)| ONCE.contains(&key.as_str())) {
        let is = found.properties.get(key).map_or("-", String::as_str);
        if !same(Some(value), found.properties.get(key)) {
            planner.note(id, format!("{key} is {is}, and {value} is declared: ZFS sets that only when it makes it"));
        }
    }
}

/// Do both say the same? ZFS writes numbers of bytes out.
pub(super) fn same(declared: Option<&String>, found: Option<&String>) -> bool {
    let (Some(declared), Some(found)) = (declared, found) else { return declared.is_none() };
    declared == found
        || number(declared).is_some_and(|number| Some(number) == self::number(found))
        || matches!(
            (declared.as_str(), found.as_str()),
            // Words that ZFS shortens (zfsprops(7)).
            ("none", "0") | ("0", "none") | ("posixacl", "posix") | ("noacl", "off")
        )
}

/// As ZFS reads numbers: `128K`, `1.5G`, `10GB`.
fn number(text: &str) -> Option<u64> {
    let text = text.trim_end_matches(['B', 'b']);
    let (digits, power) = match text.char_indices().last()? {
        (at, unit) if unit.is_ascii_alphabetic() => {
            (&text[..at], "KMGTPE".find(unit.to_ascii_uppercase()).map(|power| 10 * (power + 1))?)
        }
        _ => (text, 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let unit = 1_u64.checked_shl(u32::try_from(power).ok()?)?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    if part.is_empty() {
        return Some(whole);
    }
    let scale = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    whole.checked_add(part.parse::<u64>().ok()?.checked_mul(unit)? / scale)
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn numbers_are_the_same_however_written() {
        for (declared, found, expected) in [
            ("zstd", "zstd", true),
            ("zstd", "lz4", false),
            ("128K", "131072", true),
            ("1.5G", "1610612736", true),
            ("10GB", "10737418240", true),
            ("none", "0", true),
            ("posixacl", "posix", true),
            ("on", "off", false),
            ("1x", "1", false),
        ] {
            let (declared, found) = (declared.to_owned(), found.to_owned());
            assert_eq!(same(Some(&declared), Some(&found)), expected, "{declared} {found}");
        }
    }
}
