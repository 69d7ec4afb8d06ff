//! btrfs over two disks, in the states in which the lab showed it.

mod common;

use common::{facts, renamed, wish};
use storage::health;
use storage::plan;
use storage::plan::Consent;

const TREE: &str = include_str!("common/pair.toml");

/// The machine's own tree: the lab's identities belong to another fleet.
fn own(text: &str) -> storage::Wish {
    storage::Wish::new(&common::storage(text), storage::identity::namespace("pair", "one"))
}

fn made(wish: &storage::Wish, facts: &storage::facts::Facts, consent: &Consent) -> plan::Plan {
    plan(wish, facts, consent)
}

fn planned(text: &str, state: &str) -> plan::Plan {
    made(&own(text), &facts(&format!("btrfs/{state}")), &Consent::default())
}

#[test]
fn what_is_mounted_is_whole() {
    let plan = planned(TREE, "mounted");
    assert!(plan.is_empty(), "{}", plan.to_text());
    for finding in health(&own(TREE), &facts("btrfs/mounted")) {
        assert_eq!(finding.state, health::State::Good, "{finding:?}");
    }
}

/// The kernel names one device of several as the one that is mounted: all of them are in use.
#[test]
fn no_device_of_what_is_mounted_is_wiped() {
    for node in ["disk.second", "disk.second.pool"] {
        let consent = Consent { wipe: [node.into()].into(), ..Consent::default() };
        let plan = made(&own(TREE), &facts("btrfs/mounted"), &consent);
        assert!(plan.steps.is_empty(), "{}", plan.to_text());
        assert!(plan.refusals.iter().any(|refusal| refusal.reason.contains("mounted on")), "{}", plan.to_text());
    }
    let consent = Consent { wipe: ["disk.second.pool".into()].into(), ..Consent::default() };
    let plan = made(&own(TREE), &facts("btrfs/rebooted"), &consent);
    assert!(plan.refusals.iter().any(|refusal| refusal.reason.contains("other devices")), "{}", plan.to_text());
}

#[test]
fn what_is_not_mounted_is_mounted() {
    let steps: Vec<String> = planned(TREE, "rebooted").steps.iter().map(plan::Step::describe).collect();
    insta::assert_snapshot!(steps.join("\n"), @r"
    see to the subvolumes of disk.first.pool: @, @data, @data/anna, @nix
    mount btrfs subvolume @ on /mnt
    mount ext4 on /mnt/boot
    mount btrfs subvolume @data on /mnt/data
    mount btrfs subvolume @nix on /mnt/nix
    ");
}

#[test]
fn a_subvolume_is_added() {
    let more = format!(
        "{TREE}\n[disk.first.content.partitions.pool.content.subvolumes.\"@data/ben\"]\nmountpoint = \"/ben\"\n"
    );
    let plan = planned(&more, "mounted");
    let steps: Vec<String> = plan.steps.iter().map(plan::Step::describe).collect();
    assert_eq!(
        steps,
        ["see to the subvolumes of disk.first.pool: @data/ben", "mount btrfs subvolume @data/ben on /mnt/ben"]
    );
}

/// What was one device becomes two: the new one is added, and converting is left to a person.
#[test]
fn devices_are_added_and_grow() {
    let mut seen = facts("btrfs/mounted");
    let lost = seen.btrfs[0].devices.pop().unwrap();
    let device = seen.devices.iter_mut().find(|device| device.name == lost.device).unwrap();
    device.content = storage::facts::Content::Blank;
    seen.btrfs[0].devices[0].size -= 64 << 20;
    seen.btrfs[0].data = vec!["single".into()];
    let plan = made(&own(TREE), &seen, &Consent::default());
    let steps: Vec<String> = plan.steps.iter().map(plan::Step::describe).collect();
    assert_eq!(
        steps,
        ["add disk.second.pool to the btrfs on /mnt", "grow the btrfs on /mnt to all of disk.first.pool"],
        "{}",
        plan.to_text()
    );
    assert!(plan.notes.iter().any(|note| note.text.contains("btrfs balance start -dconvert=raid1,soft")));
}

/// btrfs does one such thing at a time, and refuses the next.
#[test]
fn what_is_done_to_a_mounted_one_is_done_one_after_another() {
    let mut grown = facts("btrfs/mounted");
    grown.btrfs[0].devices.iter_mut().for_each(|device| device.size -= 64 << 20);
    let mut lost = grown.clone();
    let gone = lost.btrfs[0].devices.pop().unwrap();
    lost.btrfs[0].missing = 1;
    lost.devices.iter_mut().find(|device| device.name == gone.device).unwrap().content = storage::facts::Content::Blank;
    for (seen, count) in [(grown, 2), (lost, 3)] {
        let plan = made(&own(TREE), &seen, &Consent::default());
        let steps: Vec<_> = plan.steps.iter().filter(|step| matches!(step.what, plan::Action::Btrfs(_))).collect();
        assert_eq!(steps.len(), count, "{}", plan.to_text());
        assert!(steps.windows(2).all(|pair| pair[1].after.contains(&pair[0].id)), "{}", plan.to_text());
    }
}

/// What was lost comes back on a new disk; without a second copy nothing is tried.
#[test]
fn a_missing_device_is_replaced() {
    let mut seen = facts("btrfs/rebooted");
    let lost = seen.btrfs[0].devices.pop().unwrap();
    seen.btrfs[0].missing = 1;
    seen.devices.iter_mut().find(|device| device.name == lost.device).unwrap().content = storage::facts::Content::Blank;
    let plan = made(&own(TREE), &seen, &Consent::default());
    let steps: Vec<String> = plan.steps.iter().map(plan::Step::describe).collect();
    let last: Vec<&str> = steps.iter().rev().take(2).rev().map(String::as_str).collect();
    assert_eq!(
        last,
        [
            "add disk.second.pool to the btrfs on /mnt",
            "restore on the other devices what the btrfs on /mnt had on the missing one"
        ],
        "{}",
        plan.to_text()
    );
    let options = |plan: &plan::Plan| format!("{:?}", plan.steps);
    assert!(options(&plan).contains("degraded"), "{}", plan.to_text());
    let single = TREE.replace("data = \"raid1\"\nmetadata", "data = \"single\"\nmetadata");
    let plan = made(&own(&single), &seen, &Consent::default());
    assert!(!plan.refusals.is_empty(), "{}", plan.to_text());
}

#[test]
fn kernel_names_do_not_count() {
    let seen = facts("btrfs/rebooted");
    let mut names = seen.devices.iter().filter(|device| device.kind == storage::facts::DeviceKind::Disk);
    let (a, b) = (names.next().unwrap().name.clone(), names.next().unwrap().name.clone());
    let mut swapped = renamed(&seen, &a, &b);
    for device in swapped.btrfs.iter_mut().flat_map(|btrfs| &mut btrfs.devices) {
        if device.device == a {
            device.device.clone_from(&b);
        } else if device.device == b {
            device.device.clone_from(&a);
        }
    }
    let digest = |facts| made(&own(TREE), facts, &Consent::default()).digest();
    assert_eq!(digest(&seen), digest(&swapped));
}

#[test]
fn mistakes() {
    let problems = |text: &str| -> Vec<&'static str> {
        let mut problems = document::Problems::default();
        storage::check(&common::storage(text), &document::Path::root(), &mut problems);
        problems.iter().map(|problem| problem.code).filter(|code| *code != "storage::unstable_device").collect()
    };
    let one = |content: &str| format!("[disk.a]\nserial = \"A\"\ncontent = {{ type = \"btrfs\", {content} }}\n");
    let member = "[disk.b]\nserial = \"B\"\ncontent = { type = \"btrfs_member\", of = \"disk.a\" }\n";
    for (case, text, code) in [
        ("too few", one("data = \"raid1\""), "storage::too_few_members"),
        (
            "nobody",
            one("label = \"x\"") + "[disk.b]\nserial = \"B\"\ncontent = { type = \"btrfs_member\", of = \"disk.c\" }",
            "storage::unknown_btrfs",
        ),
        ("label", one("label = \"a/b\""), "storage::bad_label"),
        ("subvol", one("mountpoint = \"/a\", options = [\"subvol=x\"]"), "storage::bad_option"),
        ("twice", one("mountpoint = \"/a\", subvolumes.x.mountpoint = \"/a\""), "storage::mountpoint_twice"),
        ("swap nowhere", one("swap.f.size = \"1GiB\""), "storage::swap_file"),
        ("swap at an odd path", one("mountpoint = \"/a b\", swap.f.size = \"1GiB\""), "storage::swap_file"),
        (
            "nothing to scrub",
            one("mountpoint = \"/a b\", subvolumes.x.mountpoint = \"/c d\"") + member,
            "storage::odd_mountpoint",
        ),
    ] {
        assert_eq!(problems(&text), [code], "{case}");
    }
    assert_eq!(problems(&one("mountpoint = \"/a b\"")), [""; 0]);
    assert_eq!(problems(&(one("mountpoint = \"/a b\", subvolumes.x.mountpoint = \"/c\"") + member)), [""; 0]);
    assert!(wish(&one("mountpoint = \"/a\", swap.f.size = \"1GiB\"")).node(&"disk.a".into()).is_some());
}

/// mkfs.btrfs(8) refuses a UUID that is there already, were it on the very device that it makes anew.
#[test]
fn what_is_made_anew_has_no_uuid_when_it_is_made() {
    let mut facts = facts("btrfs/rebooted");
    facts.mounts.clear();
    let plan = made(&own(TREE), &facts, &Consent { reinstall: true, ..Consent::default() });
    let make = plan.steps.iter().find(|step| step.describe().starts_with("make btrfs")).unwrap();
    let programs: Vec<String> = make.commands().iter().map(|cmd| cmd.argv()[0].clone()).collect();
    assert_eq!(programs[..2], ["wipefs", "mkfs.btrfs"], "{}", make.describe());
}
