//! LUKS on an array, with LVM in it, as the lab showed it when it was open.

mod common;

use common::facts;
use storage::facts::{Content, DeviceKind};
use storage::health::{self, State};
use storage::plan::Consent;
use storage::{Wish, identity, plan};

const TREE: &str = include_str!("common/vault.toml");

fn wish() -> Wish {
    Wish::new(&common::storage(TREE), identity::namespace("vault", "one"))
}

#[test]
fn what_is_open_is_whole() {
    let (wish, facts) = (wish(), facts("luks/open"));
    let array = facts.devices.iter().find(|device| device.kind == DeviceKind::Array).unwrap();
    let Content::Luks { version: 2, label: Some(label), offset: Some(offset), keys: Some(1), .. } = &array.content
    else {
        panic!("{:?}", array.content)
    };
    assert_eq!((label.as_str(), *offset), ("vault", 16 << 20));
    let open = facts.children(&array.name).next().unwrap();
    assert_eq!((open.kind, open.size), (DeviceKind::Crypt, array.size - offset));
    let plan = plan(&wish, &facts, &Consent::default());
    assert!(plan.is_empty(), "{}", plan.to_text());
    for finding in health::health(&wish, &facts) {
        assert_eq!(finding.state, State::Good, "{finding:?}");
    }
    assert!(
        facts.used(array).unwrap().starts_with("opened as /dev/mapper/vault, held by volume"),
        "{:?}",
        facts.used(array)
    );
}

/// What is closed is told as closed, with all that lies in it; and no key of another container is asked for.
#[test]
fn what_is_closed_is_told() {
    let wish = wish();
    let mut facts = facts("luks/open");
    facts.devices.retain(|device| !matches!(device.kind, DeviceKind::Crypt | DeviceKind::Volume));
    facts.groups.clear();
    facts.mounts.retain(|mount| mount.target == "/mnt");
    let found: Vec<_> = health::health(&wish, &facts).into_iter().filter(|it| it.state != State::Good).collect();
    let told: Vec<_> = found.iter().map(|it| (it.node.as_str(), it.state)).collect();
    let inactive = ["luks.vault", "lvm_vg.vault", "lvm_vg.vault.data", "lvm_vg.vault.papers"];
    assert_eq!(told, inactive.map(|node| (node, State::Inactive)));
    let plan = plan(&wish, &facts, &Consent::default());
    let keys: Vec<_> = plan.steps.iter().flat_map(plan::Step::commands).filter_map(|cmd| cmd.key).collect();
    assert_eq!(keys, ["luks.vault"]);
    assert!(!plan.is_empty());
}
