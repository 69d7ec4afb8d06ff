//! The groups of the NAS, judged by what probes of the lab's machines really said.

mod sample;

use sample::{COMPLETE, facts, results, subject};
use std::sync::Arc;
use storage::NodeId;
use storage::facts::{self, Content, Facts};
use storage::wish::Nodev;
use verify::{Answers, Ask, Outcome, Payload, Reply, Subject, groups, judge};

/// The failing checks of a machine whose disks are so, as `group check: detail`.
fn failing(facts: &Facts) -> Vec<String> {
    let results = results(facts);
    let checks = results.iter().flat_map(|group| group.checks.iter().map(move |check| (group, check)));
    let failed = checks.filter(|(_, check)| check.outcome == Outcome::Failed);
    failed.map(|(group, check)| format!("{} {}: {}", group.id, check.id, check.detail)).collect()
}

#[test]
fn a_whole_machine_passes_all_that_a_stand_in_can_prove() {
    let results = results(&facts(COMPLETE));
    let told: Vec<_> = results.iter().map(|group| (group.id.as_str(), &group.outcome)).collect();
    insta::assert_debug_snapshot!(told);
    assert_eq!(failing(&facts(COMPLETE)), Vec::<String>::new());
}

#[test]
fn every_hurt_machine_is_noticed() {
    let states = [
        ("failed", sample::FAILED),
        ("replaced", sample::REPLACED),
        ("rebuilding", sample::REBUILDING),
        ("no-cache", sample::NO_CACHE),
        ("inactive", sample::INACTIVE),
        ("missing", sample::MISSING),
        ("rebooted", sample::REBOOTED),
        ("mkfs-cut", sample::MKFS_CUT),
        ("foreign", sample::FOREIGN),
        ("blank", sample::BLANK),
    ];
    for (name, probe) in states {
        let failing = failing(&facts(probe));
        assert!(!failing.is_empty(), "{name}");
        insta::assert_snapshot!(name, failing.join("\n"));
    }
}

#[test]
fn kernel_names_mean_nothing() {
    let swapped = failing(&facts(sample::SWAPPED));
    let rebooted = failing(&facts(sample::REBOOTED));
    let members = |all: &[String]| all.iter().filter(|line| line.starts_with("raid")).cloned().collect::<Vec<_>>();
    assert_eq!(members(&swapped), members(&rebooted));
}

type Change<'a> = Box<dyn Fn(&mut Facts) + 'a>;

#[test]
fn every_claim_can_fail() {
    let change = |change: &dyn Fn(&mut Facts)| {
        let mut facts = facts(COMPLETE);
        change(&mut facts);
        failing(&facts)
    };
    let device = |facts: &mut Facts, name: &str| facts.devices.iter().position(|device| device.name == name).unwrap();
    let of_mount =
        |facts: &Facts, path: &str| facts.mounts.iter().find(|mount| mount.target == path).unwrap().device.clone();
    let cases: Vec<(&str, Change<'_>, &str)> = vec![
        (
            "another MBR identity",
            Box::new(|facts| {
                for device in &mut facts.devices {
                    if let Content::Table { id: Some(id), .. } = &mut device.content {
                        *id ^= 1;
                    }
                }
            }),
            "boot table:disk.usb: disk.usb (serial LABUSB0001) holds dos 0x",
        ),
        (
            "another filesystem",
            Box::new(|facts| {
                let name = of_mount(facts, "/data");
                let at = device(facts, &name);
                if let Content::Filesystem { uuid, .. } = &mut facts.devices[at].content {
                    *uuid = Some("00000000-0000-0000-0000-000000000000".into());
                }
            }),
            "data filesystem:lvm_vg.nas.data: xfs 00000000-0000-0000-0000-000000000000, not xfs",
        ),
        (
            "mounted from elsewhere",
            Box::new(|facts| {
                let root = of_mount(facts, "/");
                facts.mounts.iter_mut().find(|mount| mount.target == "/data").unwrap().device = root;
            }),
            "data mounted:lvm_vg.nas.data: /data is mounted from nvme0n1p1, not from lvm_vg.nas.data",
        ),
        (
            "covered by another mount",
            Box::new(|facts| {
                let mut mount = facts.mounts.iter().find(|mount| mount.target == "/data").unwrap().clone();
                mount.device = "sdz".into();
                facts.mounts.push(mount);
            }),
            "data mounted:lvm_vg.nas.data: /data is mounted from sdz",
        ),
        (
            "read-only",
            Box::new(|facts| facts.mounts.iter_mut().for_each(|mount| mount.read_only = true)),
            "/data is mounted read-only",
        ),
        (
            "another level",
            Box::new(|facts| facts.arrays[0].level = "raid5".into()),
            "raid array:mdadm.nas: its level is raid5",
        ),
        (
            "reshaping",
            Box::new(|facts| facts.arrays[0].action = Some("reshape".into())),
            "raid settled:mdadm.nas: reshape",
        ),
        ("a PV is missing", Box::new(|facts| facts.groups[0].missing = 1), "lvm group:lvm_vg.nas: 1 of its physical"),
        ("a foreign group", Box::new(|facts| facts.groups[0].uuid = "x".into()), "lvm group:lvm_vg.nas: its UUID is x"),
        (
            "inactive volume",
            Box::new(|facts| facts.groups[0].volumes.iter_mut().for_each(|volume| volume.active = false)),
            "lvm volume:lvm_vg.nas.data: it is not active",
        ),
        (
            "dm-cache instead",
            Box::new(|facts| facts.groups[0].volumes.iter_mut().for_each(|volume| volume.segment = "cache".into())),
            "lvm cache:lvm_vg.nas.data: cache on volume cache, not writecache on volume cache",
        ),
        (
            "cache on the array",
            Box::new(|facts| {
                let array = facts.arrays[0].device.clone();
                facts.groups[0].volumes.iter_mut().for_each(|volume| volume.on = vec![array.clone()]);
            }),
            "lvm cache_place:lvm_vg.nas.cache: it lies on md",
        ),
    ];
    for (case, changed, wanted) in cases {
        let failing = change(&*changed);
        assert!(failing.iter().any(|line| line.contains(wanted)), "{case}: {failing:#?}");
    }
}

#[test]
fn what_is_in_memory_is_asked_for_too() {
    let nodev = |fstype: &str, path: &str| Nodev {
        node: NodeId::nodev(path),
        path: path.into(),
        fstype: fstype.into(),
        device: "none".into(),
        options: Vec::new(),
    };
    let mut wish = sample::wish();
    wish.nodev = vec![nodev("tmpfs", "/tmp"), nodev("nfs4", "/share")];
    let groups = groups(&Subject { wish: Arc::new(wish), ..subject() });
    let data = groups.iter().find(|group| group.id == "data").unwrap();
    assert!(data.title.ends_with(", tmpfs on /tmp"), "a share is the running machine's business: {}", data.title);
    for (mounted, outcome, told) in [
        (Some("tmpfs"), Outcome::Passed, "tmpfs on /tmp"),
        (Some("ramfs"), Outcome::Failed, "ramfs is mounted on /tmp, not tmpfs"),
        (None, Outcome::Failed, "no tmpfs is mounted on /tmp"),
    ] {
        let mut facts = facts(COMPLETE);
        facts.nodev =
            mounted.map(|fstype| facts::Nodev { fstype: fstype.into(), target: "/tmp".into() }).into_iter().collect();
        let mut answers = Answers::new(Some(Payload::StandIn), true);
        answers.insert(Ask::Facts, Reply::Facts(Box::new(facts)), 0.0);
        let judged = judge(data, &answers);
        let check = judged.checks.iter().find(|check| check.id == "mounted:nodev./tmp").unwrap();
        assert_eq!((&check.outcome, check.detail.as_str()), (&outcome, told));
    }
}
