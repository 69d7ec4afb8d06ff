//! What a plan was made from: any fact of the disks that is otherwise makes it another plan, and is named; what changes by
//! itself, and kernel names, do not.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{NAS, facts, renamed, wish};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use storage::facts::{DeviceKind, Enrol, Facts};
use storage::plan::Basis;
use storage::{Consent, Wish, plan};

const STATES: [&str; 9] =
    ["blank", "complete", "rebuilding", "failed", "begun", "inactive", "living/dirty", "luks/open", "btrfs/mounted"];

fn basis(facts: &Facts) -> Basis {
    static WISH: LazyLock<Wish> = LazyLock::new(|| wish(NAS));
    Basis::new(&WISH, facts)
}

/// What changes by itself, and names that hold for one probe: the list, and the key in what it holds.
const FREE: [(&str, &str); 21] = [
    ("", "version"),
    ("machine", "arch"),
    ("machine", "kernel"),
    ("machine", "cpus"),
    ("machine", "cpu"),
    ("machine", "vendor"),
    ("machine", "kvm"),
    ("machine", "hypervisor"),
    ("machine", "memory"),
    ("machine", "nics"),
    ("machine", "drivers"),
    ("devices", "name"),
    ("devices", "path"),
    ("devices", "links"),
    ("arrays", "device"),
    ("arrays", "action"),
    ("arrays", "done"),
    ("arrays", "left"),
    ("volumes", "fill"),
    ("volumes", "synced"),
    ("nodev", ""),
];

fn free(path: &[String], whole: &Value) -> bool {
    let words: Vec<&str> = path.iter().map(String::as_str).filter(|word| word.parse::<usize>().is_err()).collect();
    let named = FREE.iter().any(|(list, key)| match (*list, *key) {
        ("", key) => words.first() == Some(&key),
        (list, "") => words.first() == Some(&list),
        (list, key) => words.windows(2).any(|pair| pair == [list, key]),
    });
    // What lies inside a cached volume changes as the cache is written out.
    let inner = words.starts_with(&["devices", "content"]) && {
        let path = whole["devices"][path[1].parse::<usize>().unwrap()]["path"].as_str().unwrap();
        ["_wcorig", "_cvol"].iter().any(|inner| path.ends_with(inner))
    };
    let counts = matches!(words[..], ["devices", "content", "events" | "dirty" | "recovering"]);
    named
        || inner
        || counts
            && whole["arrays"].as_array().is_some_and(|arrays| {
                let array = &whole["devices"][path[1].parse::<usize>().unwrap()]["content"]["array"];
                arrays.iter().any(|it| it["uuid"] == *array && it["active"] == true)
            })
}

/// The places of all values that hold no others.
fn leaves(value: &Value, at: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
    let mut each = |key: String, value: &Value| {
        at.push(key);
        leaves(value, at, all);
        at.pop();
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| each(key.clone(), value)),
        Value::Array(list) => list.iter().enumerate().for_each(|(index, value)| each(index.to_string(), value)),
        _ => all.push(at.clone()),
    }
}

/// Other values that could stand there; of words, those that the facts know come after the first.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(it) => vec![json!(!it)],
        Value::Number(it) => vec![json!(it.as_u64().unwrap() + 4096)],
        Value::String(it) => {
            let digit = if it.ends_with('0') { "1" } else { "0" };
            let last = format!("{}{digit}", &it[..it.len().saturating_sub(1)]);
            let known = ["partition", "volume", "faulty", "spare", "blank", "unknown"].map(|word| json!(word));
            std::iter::once(json!(last)).chain(known.into_iter().filter(|word| word != value)).collect()
        }
        _ => Vec::new(),
    }
}

/// Every single fact in turn is another one, or is not there.
#[test]
fn any_single_fact_that_changed_is_noticed_and_what_changes_by_itself_is_not() {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for state in STATES {
        let facts = facts(state);
        let (before, whole) = (basis(&facts), serde_json::to_value(&facts).unwrap());
        assert_eq!(before.changes(&before), Vec::<String>::new(), "{state}");
        let mut all = Vec::new();
        leaves(&whole, &mut Vec::new(), &mut all);
        for path in all {
            let pointer = format!("/{}", path.join("/"));
            // What the machine has of network cards and drivers is long, and counts for nothing.
            if path.iter().any(|word| ["nics", "drivers"].contains(&word.as_str())) {
                continue;
            }
            let replaced = others(whole.pointer(&pointer).unwrap()).into_iter().find_map(|other| {
                let mut changed = whole.clone();
                *changed.pointer_mut(&pointer)? = other.clone();
                Some((other, serde_json::from_value::<Facts>(changed).ok()?))
            });
            if let Some((other, now)) = replaced {
                let changes = before.changes(&basis(&now));
                let free = free(&path, &whole);
                assert!(free || !changes.is_empty(), "{state}: {pointer} is {other}, and nobody notices");
                // Facts are tied together by names: one that is another alone leads nowhere. And a reshape is no check.
                let tied = path.iter().any(|word| ["name", "path", "links", "device"].contains(&word.as_str()));
                if free && !tied && other != json!("reshape") {
                    assert_eq!(changes, Vec::<String>::new(), "{state}: {pointer} is {other}");
                }
                seen.insert(
                    path.iter().filter(|word| word.parse::<usize>().is_err()).cloned().collect::<Vec<_>>().join("."),
                );
            }
        }
    }
    // The fixtures show all sorts of things.
    for place in [
        "devices.size",
        "devices.serial",
        "devices.read_only",
        "devices.partition.start",
        "devices.content.uuid",
        "devices.content.label",
        "devices.parents",
        "arrays.members.state",
        "groups.free",
        "groups.volumes.active",
        "groups.volumes.on",
        "btrfs.devices.size",
        "mounts.target",
        "machine.efi",
    ] {
        assert!(seen.contains(place), "no fixture has {place}: {seen:?}");
    }
}

/// A device, an array, a group, a mount that came or went.
#[test]
fn what_came_and_what_went_is_named() {
    let whole = facts("complete");
    let before = basis(&whole);
    for device in 0..whole.devices.len() {
        let mut now = whole.clone();
        let gone = now.devices.remove(device);
        let there = basis(&now);
        let (went, came) = (before.changes(&there), there.changes(&before));
        // Of an array there are its members left.
        let md = gone.kind == DeviceKind::Array;
        assert!(went.iter().any(|line| line.ends_with("is gone") || md), "{}: {went:?}", gone.path);
        assert!(came.iter().any(|line| line.ends_with("is new") || md), "{}: {came:?}", gone.path);
    }
    let mut now = whole.clone();
    now.machine.enrol = Some(Enrol { tpm2: true, fido2: false });
    assert_eq!(before.changes(&basis(&now)).len(), 1, "what the machine can enrol came");
    let mut now = whole.clone();
    now.swaps.push(whole.devices[0].name.clone());
    assert!(before.changes(&basis(&now)).join("\n").ends_with("use as swap (yes) is new"));
    let mut now = whole.clone();
    (now.mounts, now.swaps, now.groups, now.arrays) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    assert!(before.changes(&basis(&now)).len() > 4);
}

/// What people read.
#[test]
fn changes_in_words() {
    let whole = facts("complete");
    let at = |facts: &Facts, path: &str| facts.devices.iter().position(|device| device.path == path).unwrap();
    let mut grown = whole.clone();
    let disk = whole.devices.iter().position(|device| device.serial.is_some()).unwrap();
    grown.devices[disk].size *= 2;
    let mut divided = whole.clone();
    let mut part = whole.devices.iter().find(|device| device.partition.is_some()).unwrap().clone();
    let parent = part.parents[0].clone();
    (part.name, part.path) = (format!("{parent}9"), format!("/dev/{parent}9"));
    part.partition.as_mut().unwrap().number = 9;
    divided.devices.push(part);
    let mut unmounted = whole.clone();
    unmounted.mounts.remove(0);
    let mut made_anew = whole.clone();
    let volume = at(&whole, "/dev/mapper/nas-data");
    if let storage::facts::Content::Filesystem { uuid, .. } = &mut made_anew.devices[volume].content {
        *uuid = Some("00000000-0000-4000-8000-000000000000".into());
    }
    let before = basis(&whole);
    let lines = [("grown", grown), ("divided", divided), ("unmounted", unmounted), ("made anew", made_anew)]
        .map(|(case, now)| format!("{case}:\n  {}", before.changes(&basis(&now)).join("\n  ")));
    insta::assert_snapshot!(lines.join("\n"));
}

/// Progress, counters, the order of mounts, and what the kernel calls a disk today.
#[test]
fn what_changes_by_itself_is_the_same_plan() {
    let whole = facts("rebuilding");
    let digest = |facts: &Facts| plan(&wish(NAS), facts, &Consent::default()).digest();
    let mut later = whole.clone();
    assert!(later.arrays.iter().any(|array| array.action.is_some()), "the fixture is about that");
    for array in &mut later.arrays {
        (array.done, array.left) = (array.done + 100, array.left.map(|left| left / 2));
    }
    later.mounts.reverse();
    later.machine.memory += 1;
    later.machine.kernel.push_str("-rc1");
    assert_eq!(basis(&whole).changes(&basis(&later)), Vec::<String>::new());
    assert_eq!(digest(&whole), digest(&later));
    for state in STATES {
        let facts = facts(state);
        let disks: Vec<&str> = (facts.devices.iter())
            .filter(|device| device.parents.is_empty() && device.serial.is_some())
            .map(|device| device.name.as_str())
            .collect();
        for pair in disks.windows(2) {
            assert_eq!(digest(&facts), digest(&renamed(&facts, pair[0], pair[1])), "{state}: {pair:?}");
        }
    }
}
