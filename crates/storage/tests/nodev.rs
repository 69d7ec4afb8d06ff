//! Filesystems in memory: mounted in their turn, seen, and left to the running machine.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{facts, storage, wish};
use document::{Path, Problems};
use storage::facts::{Content, Facts, Mount, Nodev};
use storage::health::State;
use storage::plan::{Consent, Plan, Sight, Step};
use storage::{health, plan};

const TREE: &str = r#"
[disk.one]
serial = "WD-WX11D0000001"
[disk.one.content]
type = "gpt"
partitions.nix = { size = "64MiB", content = { type = "filesystem", format = "ext4", mountpoint = "/nix" } }
[nodev."/"]
fstype = "tmpfs"
options = ["size=64M", "mode=755"]
[nodev."/nix/tmp"]
fstype = "tmpfs"
[nodev."/net"]
fstype = "nfs"
device = "nas:/data"
"#;

/// One blank disk of the fixture, with the name that the tree knows.
fn blank() -> Facts {
    let mut facts = facts("blank");
    facts.devices.retain(|device| device.content == Content::Blank);
    facts.devices.truncate(1);
    facts.devices[0].serial = Some("WD-WX11D0000001".into());
    (facts.mounts, facts.nodev) = (Vec::new(), Vec::new());
    facts
}

fn steps(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(Step::describe).collect()
}

fn planned(facts: &Facts) -> Plan {
    plan(&wish(TREE), facts, &Consent::default())
}

#[test]
fn what_is_in_memory_is_mounted_in_its_turn() {
    let plan = planned(&blank());
    let steps = steps(&plan);
    let mounts: Vec<&str> = steps.iter().map(String::as_str).filter(|step| step.starts_with("mount")).collect();
    assert_eq!(mounts, ["mount tmpfs on /mnt", "mount ext4 on /mnt/nix", "mount tmpfs on /mnt/nix/tmp"]);
    let words: Vec<String> = plan.steps.iter().flat_map(Step::commands).map(|cmd| cmd.to_string()).collect();
    assert!(words.contains(&"mount -t tmpfs -o 'size=64M,mode=755' -- none /mnt".to_owned()), "{words:?}");
    let waits = |id: &str| plan.steps.iter().find(|step| step.id.0 == id).unwrap().after.clone();
    assert!(waits("disk.one.nix/mount").iter().any(|before| before.0 == "nodev.//mount"), "root first");
}

/// Facts of the disk when everything of the tree is on it and nothing is mounted.
fn made() -> Facts {
    let (wish, mut facts) = (wish(TREE), blank());
    let (name, size) = (facts.devices[0].name.clone(), facts.devices[0].size);
    let table = wish.node(&"disk.one".into()).unwrap().holds.clone();
    let Some(storage::wish::Holds::Table { uuid, .. }) = table else { panic!("no table") };
    let (label, end) = ("gpt".to_owned(), size - (1 << 20));
    facts.devices[0].content =
        Content::Table { label, uuid: Some(uuid), id: None, first: 1 << 20, end, mbr: Vec::new() };
    let node = wish.node(&"disk.one.nix".into()).unwrap();
    let storage::wish::Kind::Partition(partition) = &node.kind else { panic!("no partition") };
    let (number, start, size) = (1, 1 << 20, 64 << 20);
    let mut device = facts.devices[0].clone();
    (device.name, device.path) = (format!("{name}1"), format!("/dev/{name}1"));
    (device.kind, device.size, device.parents) = (storage::facts::DeviceKind::Partition, size, vec![name]);
    let (kind, uuid, bootable) = (String::new(), partition.uuid, false);
    device.partition = Some(storage::facts::Partition {
        number,
        start,
        size,
        kind,
        uuid,
        name: None,
        bootable,
        attributes: Vec::new(),
    });
    let uuid = Some(wish.mounts[0].uuid.clone());
    let (format, label, block) = ("ext4".to_owned(), None, Some(4096));
    device.content = Content::Filesystem { format, uuid, label, size: Some(size), block, unfinished: false };
    facts.devices.push(device);
    facts
}

fn mounted(below: &str) -> Facts {
    let mut facts = made();
    let device = facts.devices[1].name.clone();
    let (target, format) = (format!("{below}/nix"), "ext4".to_owned());
    facts.mounts.push(Mount { device, target, format, read_only: false, subvolume: None });
    let root = if below.is_empty() { "/" } else { below };
    for target in [root.to_owned(), format!("{below}/nix/tmp")] {
        facts.nodev.push(Nodev { fstype: "tmpfs".into(), target });
    }
    facts
}

/// The installer's own /tmp is not the machine's.
#[test]
fn what_the_installer_has_in_memory_is_its_own() {
    let text = TREE.replace("/nix/tmp", "/tmp");
    let mut facts = made();
    facts.nodev.push(Nodev { fstype: "tmpfs".into(), target: "/tmp".into() });
    let said = health(&wish(&text), &facts);
    let of = said.iter().find(|finding| finding.node.as_str() == "nodev./tmp");
    assert_eq!(of.unwrap().state, State::NotMounted);
    assert!(steps(&plan(&wish(&text), &facts, &Consent::default())).contains(&"mount tmpfs on /mnt/tmp".to_owned()));
}

#[test]
fn after_a_boot_only_mounts_are_left() {
    assert_eq!(
        steps(&planned(&made())),
        ["mount tmpfs on /mnt", "mount ext4 on /mnt/nix", "mount tmpfs on /mnt/nix/tmp"]
    );
    let wish = wish(TREE);
    let said = health(&wish, &made());
    let of = |node: &str| said.iter().find(|finding| finding.node.as_str() == node);
    assert_eq!(of("nodev./").unwrap().state, State::NotMounted);
    assert!(of("nodev./net").is_none(), "nothing is seen of a share of the network");
}

#[test]
fn what_is_mounted_is_left() {
    for below in ["/mnt", ""] {
        let facts = mounted(below);
        let plan = planned(&facts);
        assert!(plan.is_empty(), "{below}: {}", plan.to_text());
        assert_eq!(plan.target, if below.is_empty() { "/" } else { below });
        assert!(health(&wish(TREE), &facts).iter().all(|finding| finding.state == State::Good), "{below}");
        assert!(Sight::new(&wish(TREE), &facts).device(&"disk.one.nix".into()).is_some());
    }
}

/// On a running machine a filesystem in memory would hide what programs have put there.
#[test]
fn on_a_running_machine_nothing_is_covered() {
    let mut facts = mounted("");
    facts.nodev.pop();
    let plan = planned(&facts);
    assert!(plan.is_empty(), "{}", plan.to_text());
    assert!(plan.notes.iter().any(|note| note.text.contains("next deployment")), "{}", plan.to_text());
}

#[test]
fn something_else_there_is_refused() {
    let mut facts = made();
    facts.nodev.push(Nodev { fstype: "ramfs".into(), target: "/mnt".into() });
    let plan = planned(&facts);
    assert!(plan.steps.is_empty(), "nothing can be mounted below: {}", plan.to_text());
    assert_eq!(plan.refusals[0].remedy, "umount /mnt");
}

#[test]
fn what_is_wrong_is_said() {
    for (case, text, code) in [
        ("a type of disks", "[nodev.\"/x\"]\nfstype = \"ext4\"", "storage::nodev_type"),
        ("no word", "[nodev.\"/x\"]\nfstype = \"-o\"", "storage::nodev_type"),
        ("a word of mount's", "[nodev.\"/x\"]\nfstype = \"nfs\"\ndevice = \"-x\"", "storage::nodev_device"),
        ("two options in one", "[nodev.\"/x\"]\nfstype = \"tmpfs\"\noptions = [\"a,b\"]", "storage::bad_option"),
        ("the kernel's own", "[nodev.\"/run/x\"]\nfstype = \"tmpfs\"", "storage::bad_mountpoint"),
        (
            "twice",
            "[nodev.\"/nix\"]\nfstype = \"tmpfs\"\n[disk.a]\nserial = \"A\"\ncontent = { type = \"filesystem\", format = \"ext4\", mountpoint = \"/nix\" }",
            "storage::mountpoint_twice",
        ),
    ] {
        let mut problems = Problems::default();
        storage::check(&storage(text), &Path::root(), &mut problems);
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [code], "{case}");
    }
}
