//! Which objects share a file. On a single server k3s deletes, unasked, what leaves a file that stays: so what data goes with
//! never leaves one.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use cluster::{Key, Manifest, Object, Upstream, Wave};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What `cluster apply` removes only when it is named.
const DEAR: [&str; 4] = ["PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition"];

/// What of a file data goes with, by the name that k3s knows the file under.
fn dear(files: &[Manifest]) -> BTreeMap<String, BTreeSet<Key>> {
    let addon = |file: &Manifest| file.file_name().split('.').next().unwrap().to_owned();
    let keys = |file: &Manifest| {
        file.objects.iter().map(Object::key).filter(|key| DEAR.contains(&key.kind.as_str())).collect()
    };
    let all: BTreeMap<_, _> = files.iter().map(|file| (addon(file), keys(file))).collect();
    assert_eq!(all.len(), files.len(), "each file is an add-on of its own");
    all
}

/// What leaves a file that stays, when a fleet follows another.
fn lost(before: &[Manifest], after: &[Manifest]) -> Vec<Key> {
    let after = dear(after);
    let stays = |(file, keys): (String, BTreeSet<Key>)| {
        after.get(&file).map(|now| keys.difference(now).cloned().collect::<Vec<_>>())
    };
    dear(before).into_iter().filter_map(stays).flatten().collect()
}

/// Names that could be mistaken for one another, or for something else that has a file.
const NAMES: [&str; 6] = ["a", "a-b", "storage", "monitoring", "monitoring-grafana", "share-a"];

/// The example's fleet with these shares, and with monitoring or without.
fn fleet(shares: &BTreeMap<&str, bool>, monitoring: bool) -> String {
    let (head, rest) = common::EXAMPLES[0].1.split_once("[shares.timemachine]").unwrap();
    let (_, rest) = rest.split_once("[monitoring]").unwrap();
    let (watched, upgrades) = rest.split_once("[upgrades]").unwrap();
    let table = |(name, sized): (&&str, &bool)| {
        let size = if *sized { "size = \"1GiB\"\n" } else { "" };
        format!("[shares.{name}]\nmachine = \"nas\"\n{size}")
    };
    let shares: String = shares.iter().map(table).collect();
    let monitoring = if monitoring { format!("[monitoring]{watched}") } else { String::new() };
    format!("{head}{shares}{monitoring}[upgrades]{upgrades}")
}

fn shares() -> impl Strategy<Value = BTreeMap<&'static str, bool>> {
    prop::collection::btree_map(prop::sample::select(&NAMES[..]), any::<bool>(), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a fleet had and has no more: nothing that data goes with leaves a file that is still there.
    #[test]
    fn nothing_dear_leaves_a_file_that_stays(was in shares(), is in shares(), monitoring: [bool; 2]) {
        let (was, is) = (fleet(&was, monitoring[0]), fleet(&is, monitoring[1]));
        prop_assert_eq!(lost(&common::rendered(&was), &common::rendered(&is)), []);
    }
}

/// The law finds what it is for: all volumes in one file, as they once were.
#[test]
fn a_file_of_all_volumes_would_be_found() {
    let merged = |shares: &[(&'static str, bool)]| {
        let mut files = common::rendered(&fleet(&shares.iter().copied().collect(), true));
        let volumes: Vec<Manifest> = files.extract_if(.., |file| file.name.starts_with("volume-")).collect();
        let objects = volumes.into_iter().flat_map(|file| file.objects).collect();
        files.push(Manifest { wave: Wave::Ground, name: "volumes".into(), head: String::new(), objects });
        files
    };
    let lost: Vec<String> = lost(&merged(&[("a", false), ("storage", true)]), &merged(&[("a", false)]))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(lost, ["PersistentVolume share-storage", "PersistentVolumeClaim samba/storage"]);
}

/// Another release of the operator may have a kind of objects less.
#[test]
fn a_kind_that_a_release_drops_leaves_with_its_file() {
    let (_, text) = common::EXAMPLES[0];
    let whole = common::upstream();
    let mut less = Upstream::default();
    for path in cluster::Catalogue::built_in().unwrap().source("samba-operator").unwrap().files.keys() {
        let gone = path.contains("smbsecurityconfigs");
        let text = if gone { "---\n".to_owned() } else { whole.text("samba-operator", path).unwrap().to_owned() };
        less.add("samba-operator", path, text);
    }
    let fleet = common::fleet(text);
    let (before, after) = (cluster::render(&fleet, &whole).unwrap(), cluster::render(&fleet, &less).unwrap());
    assert_eq!(before.len(), after.len() + 1);
    assert_eq!(lost(&before, &after), []);
}

/// k3s reads files in the order of their names, and tries again what could not be done: a namespace comes before what lies
/// in it all the same.
#[test]
fn a_namespace_comes_before_what_lies_in_it() {
    for (example, text) in common::EXAMPLES {
        let mut there = BTreeSet::from(["kube-system".to_owned()]);
        for object in common::objects(text) {
            let key = object.key();
            if key.kind == "Namespace" {
                there.insert(key.name);
            } else if let Some(namespace) = &key.namespace {
                assert!(there.contains(namespace), "{example}: {key} comes before its namespace");
            }
        }
    }
}
