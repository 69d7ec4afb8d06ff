//! Swap space with a random key: nothing is made of it, and nothing that anybody knows is overwritten by it.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{facts, storage, wish};
use document::{Path, Problems};
use storage::facts::{Content, DeviceKind, Facts, Partition};
use storage::health::State;
use storage::plan::{Consent, Plan, Step};
use storage::wish::{Holds, Kind};
use storage::{health, plan};
use uuid::Uuid;

const TREE: &str = r#"
[disk.one]
serial = "S"
[disk.one.content]
type = "mbr"
partitions.secret = { size = "64MiB", content = { type = "swap", random_encryption = true } }
"#;

/// The disk with its table, and a partition that holds this.
fn holding(content: Content) -> Facts {
    let (wish, mut facts) = (wish(TREE), facts("blank"));
    facts.devices.retain(|device| device.content == Content::Blank);
    facts.devices.truncate(1);
    (facts.mounts, facts.nodev) = (Vec::new(), Vec::new());
    let disk = &mut facts.devices[0];
    disk.serial = Some("S".into());
    let Some(Holds::Table { uuid, .. }) = wish.node(&"disk.one".into()).unwrap().holds else { panic!("no table") };
    let (label, id, end) = ("dos".to_owned(), Some(storage::identity::short(uuid)), disk.size);
    disk.content = Content::Table { label, uuid: None, id, first: 1 << 20, end, mbr: Vec::new() };
    let Kind::Partition(partition) = &wish.node(&"disk.one.secret".into()).unwrap().kind else {
        panic!("no partition")
    };
    let mut device = disk.clone();
    (device.name, device.path) = (format!("{}1", disk.name), format!("/dev/{}1", disk.name));
    (device.kind, device.size, device.parents) = (DeviceKind::Partition, 64 << 20, vec![disk.name.clone()]);
    let (number, start, size, kind) = (partition.number, 1 << 20, 64 << 20, "82".to_owned());
    device.partition =
        Some(Partition { number, start, size, kind, uuid: None, name: None, bootable: false, attributes: Vec::new() });
    device.content = content;
    facts.devices.push(device);
    facts
}

fn planned(content: Content, consent: &Consent) -> Plan {
    plan(&wish(TREE), &holding(content), consent)
}

fn filesystem() -> Content {
    let (format, uuid) = ("xfs".to_owned(), Some(Uuid::nil().to_string()));
    Content::Filesystem { format, uuid, label: None, size: None, block: None, unfinished: false }
}

/// What the machine leaves on it looks like nothing that a tool knows, also on a disk whose data is kept.
#[test]
fn nothing_is_made() {
    for content in [Content::Blank, Content::Unknown] {
        let plan = planned(content.clone(), &Consent::default());
        assert!(plan.is_empty(), "{}", plan.to_text());
        let reinstall = Consent { reinstall: true, ..Consent::default() };
        assert!(planned(content.clone(), &reinstall).is_empty());
        let said = health(&wish(TREE), &holding(content));
        assert!(said.iter().all(|finding| finding.state == State::Good), "{said:?}");
    }
    let kept = storage::Wish::new(
        &storage(&TREE.replace("serial", "persistent = true\nserial")),
        storage::identity::namespace("home", "nas"),
    );
    assert!(plan(&kept, &holding(Content::Unknown), &Consent::default()).is_empty());
}

/// Where the table was adopted, what no tool knows is somebody's, unless it is swap space right now.
#[test]
fn unknown_data_in_what_is_adopted_is_refused() {
    let uuid = "90b442b0-0000-0000-0000-000000000000";
    let adopted = wish(&TREE.replace("type = \"mbr\"", &format!("type = \"mbr\"\nuuid = \"{uuid}\"")));
    let mut facts = holding(Content::Unknown);
    let Content::Table { id, .. } = &mut facts.devices[0].content else { panic!("no table") };
    *id = Some(0x90b4_42b0);
    let refusals = plan(&adopted, &facts, &Consent::default()).refusals;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(refusals[0].remedy.ends_with("--wipe disk.one.secret"), "{refusals:?}");
    let mut open = facts.devices[1].clone();
    (open.kind, open.partition, open.parents) = (DeviceKind::Crypt, None, vec![open.name.clone()]);
    (open.name, open.path, open.content) = ("dm-0".into(), "/dev/mapper/swap".into(), Content::Swap { uuid: None });
    facts.devices.push(open);
    facts.swaps.push("dm-0".into());
    assert!(plan(&adopted, &facts, &Consent::default()).is_empty());
}

#[test]
fn what_is_known_is_refused_until_it_is_named() {
    for content in
        [filesystem(), Content::Swap { uuid: Some(Uuid::nil()) }, Content::Other { name: "crypto_LUKS".into() }]
    {
        let plan = planned(content.clone(), &Consent::default());
        assert_eq!(plan.refusals.len(), 1, "{}", plan.to_text());
        assert!(plan.refusals[0].remedy.ends_with("--wipe disk.one.secret"), "{}", plan.to_text());
        let consent = Consent { wipe: ["disk.one.secret".into()].into(), ..Consent::default() };
        let steps: Vec<String> = planned(content, &consent).steps.iter().map(Step::describe).collect();
        assert!(steps.len() == 1 && steps[0].starts_with("wipe"), "{steps:?}");
    }
}

/// Plain before, with a key from now on: it was nobody's but ours.
#[test]
fn our_own_plain_swap_is_given_up() {
    let wish = wish(TREE);
    let Some(Holds::Swap(swap)) = &wish.node(&"disk.one.secret".into()).unwrap().holds else { panic!("no swap") };
    let plan = planned(Content::Swap { uuid: Some(swap.uuid) }, &Consent::default());
    assert!(plan.is_empty(), "{}", plan.to_text());
}

#[test]
fn it_is_found_by_its_partition() {
    let wish = wish(TREE);
    let node = wish.node(&"disk.one.secret".into()).unwrap();
    let (Some(Holds::Swap(swap)), Kind::Partition(partition)) = (&node.holds, &node.kind) else { panic!("no swap") };
    assert_eq!(swap.device(node), Some(format!("/dev/disk/by-partuuid/{}", partition.partuuid)));
    assert!(wish.announce().iter().all(|identity| identity.role != storage::identity::Role::Swap));
}

#[test]
fn what_does_not_go_together_is_said() {
    let disk = |name: &str, content: &str| {
        format!("[disk.{name}]\nserial = \"{name}\"\ncontent = {{ type = \"swap\", {content} }}\n")
    };
    let part = |content: &str| {
        format!(
            "[disk.a]\nserial = \"a\"\ncontent.type = \"gpt\"\ncontent.partitions.a.content = {{ type = \"swap\", {content} }}\n"
        )
    };
    for (text, expected) in [
        (disk("a", "random_encryption = true"), &["storage::random_swap"][..]),
        (part("random_encryption = true"), &[]),
        (part("random_encryption = true, resume = true"), &["storage::random_swap"]),
        (part("priority = 40000"), &["storage::swap_priority"]),
        (part("options = [\"a b\"]"), &["storage::bad_option"]),
        (part("resume = true") + &disk("b", "resume = true"), &["storage::two_resumes"]),
    ] {
        let mut problems = Problems::default();
        storage::check(&storage(&text), &Path::root(), &mut problems);
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, expected, "{text}");
    }
}
