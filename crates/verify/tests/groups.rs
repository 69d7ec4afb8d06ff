//! The groups of a machine: which there are, what they ask.

mod sample;

use sample::subject;
use std::sync::Arc;
use storage::{NodeId, Wish};
use verify::{Ask, Door, Side, Subject, groups, questions};

#[test]
fn the_nas_has_all_thirteen() {
    let groups = groups(&subject());
    let ids: Vec<_> = groups.iter().map(|group| group.id).collect();
    let wanted = [
        "boot",
        "raid",
        "lvm",
        "data",
        "ssh",
        "user",
        "firewall",
        "k3s",
        "manifests",
        "packages",
        "completion",
        "pods",
        "claim",
    ];
    assert_eq!(ids, wanted);
}

#[test]
fn the_example_is_understood() {
    let text = include_str!("../../../examples/nas/fleet.toml");
    let fleet = fleet::Fleet::parse(text, "fleet.toml", fleet::Format::Toml).unwrap();
    let name = fleet.machines.keys().next().unwrap();
    let subject = Subject::of(&fleet, name, Subject::door(&fleet, name).unwrap(), "n0nce").unwrap();
    assert_eq!(subject.door, Door { host: "192.168.1.10".into(), port: 22, ..Door::default() });
    assert_eq!(subject.boot_sectors, [NodeId::from("disk.usb")]);
    assert_eq!(subject.manifests, ["metallb", "monitoring", "samba"]);
    assert_eq!(groups(&subject).len(), 13);
}

#[test]
fn what_is_not_declared_is_not_asked() {
    let bare = Subject { wish: Arc::new(Wish::default()), boot_sectors: Vec::new(), k3s_server: false, ..subject() };
    let ids: Vec<_> = groups(&bare).iter().map(|group| group.id).collect();
    assert_eq!(ids, ["ssh", "user", "firewall", "packages"]);
}

#[test]
fn questions_are_asked_once() {
    let groups = groups(&subject());
    let asks = questions(&groups);
    assert_eq!(asks.iter().filter(|ask| ***ask == Ask::Facts).count(), 1);
    let lines = asks.iter().map(|ask| match ask {
        Ask::Facts => "the probe".to_owned(),
        Ask::Run { on, cmd } => {
            let fed = if cmd.input.is_some() { " <" } else { "" };
            let who = match on {
                Side::Machine => "user",
                Side::Root => "root",
                Side::Operator => "here",
            };
            format!("{who}: {cmd}{fed}")
        }
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn names_within_a_group_are_unique() {
    for group in groups(&subject()) {
        let mut ids: Vec<_> = group.checks.iter().map(|check| &check.id).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "{}", group.id);
    }
}
