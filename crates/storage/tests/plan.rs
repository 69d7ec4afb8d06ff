//! Plans for the NAS, in the states in which the lab showed it.

mod common;

use common::{NAS, facts, wish};
use storage::facts::{Content, Device, Facts, Group, Volume};
use storage::plan;
use storage::plan::{Consent, Plan, Step};
use storage::wish::Kind;

fn planned(state: &str, consent: &Consent) -> Plan {
    plan(&wish(NAS), &facts(state), consent)
}

fn wipe(nodes: &[&str]) -> Consent {
    Consent { wipe: nodes.iter().map(|node| (*node).into()).collect(), ..Consent::default() }
}

const REINSTALL: fn() -> Consent = || Consent { reinstall: true, ..Consent::default() };

/// What each state leads to, without any consent.
#[test]
fn states() {
    for state in [
        "blank",
        "foreign",
        "tables",
        "mkfs-cut",
        "pvs",
        "volumes",
        "complete",
        "failed",
        "replaced",
        "rebuilding",
        "no-cache",
        "inactive",
        "missing",
        "rebooted",
        "swapped",
    ] {
        insta::assert_snapshot!(format!("plan__{state}"), planned(state, &Consent::default()).to_text());
    }
}

/// Every word that runs on blank disks, with what is asked before.
#[test]
fn blank_commands() {
    let plan = planned("blank", &Consent::default());
    let show = |step: &Step| {
        let after = step.after.iter().map(|id| id.0.as_str()).collect::<Vec<_>>().join(" ");
        let guards = step.guards.iter().map(|guard| format!("\n  ? {} = {:?}", guard.cmd, guard.output));
        let commands = step.commands().into_iter().map(|cmd| {
            let words = cmd.argv().into_iter().map(|word| if word.contains('\n') { "SCRIPT".to_owned() } else { word });
            let input = cmd.input.as_ref().map(|input| format!("\n  < {}", input.trim_end().replace('\n', "\n  < ")));
            format!("\n  $ {}{}", words.collect::<Vec<_>>().join(" "), input.unwrap_or_default())
        });
        format!("{} after [{after}]{}{}", step.id, guards.collect::<String>(), commands.collect::<String>())
    };
    insta::assert_snapshot!(plan.steps.iter().map(show).collect::<Vec<_>>().join("\n"));
}

/// Two disks swapped their kernel names: not one byte of the plan changes.
#[test]
fn kernel_names_do_not_count() {
    for state in ["complete", "no-cache", "blank"] {
        let facts = facts(state);
        let swapped = common::renamed(&facts, "sda", "sdc");
        assert_ne!(facts, swapped, "{state}");
        let plans = [&facts, &swapped].map(|facts| plan(&wish(NAS), facts, &Consent::default()));
        assert_eq!(plans[0].digest(), plans[1].digest(), "{state}");
        let paths = [&facts, &swapped].map(|facts| plans[0].device_paths(&wish(NAS), facts));
        assert_ne!(paths[0], paths[1], "{state}: yet its commands find the right ones");
    }
}

#[test]
fn reinstall_keeps_what_is_persistent() {
    let mut facts = facts("complete");
    assert!(!plan(&wish(NAS), &facts, &REINSTALL()).refusals.is_empty(), "mounted filesystems are not made anew");
    facts.mounts.clear();
    let plan = plan(&wish(NAS), &facts, &REINSTALL());
    insta::assert_snapshot!(plan.to_text());
    let again = storage::plan(&wish(NAS), &facts, &REINSTALL().after(&plan));
    assert!(again.destroyed().is_empty(), "once is enough:\n{}", again.to_text());
}

/// Wiping needs every persistent node by name, and takes nothing that is mounted.
#[test]
fn wiping() {
    let mut facts = facts("complete");
    let texts: Vec<String> = [
        (true, &["disk.nvme"][..]),
        (false, &["disk.nvme"]),
        (false, &["disk.nvme", "lvm_vg.nas", "lvm_vg.nas.cache", "lvm_vg.nas.data"]),
        (false, &["disk.sata1"]),
        (false, &["disk.nvme.root"]),
        (false, &["disk.none"]),
    ]
    .iter()
    .map(|(mounted, nodes)| {
        if !mounted {
            facts.mounts.clear();
        }
        format!("--wipe {}\n{}", nodes.join(" --wipe "), plan(&wish(NAS), &facts, &wipe(nodes)).to_text())
    })
    .collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn foreign_content_goes_when_it_is_named() {
    let facts = facts("foreign");
    let refused = plan(&wish(NAS), &facts, &Consent::default());
    let words: Vec<&str> =
        refused.refusals.iter().filter_map(|refusal| refusal.remedy.split("--wipe ").nth(1)).collect();
    let allowed = plan(&wish(NAS), &facts, &wipe(&words));
    assert_eq!(allowed.refusals, [], "{}", refused.to_text());
    insta::assert_snapshot!(allowed.to_text());
}

/// Disks that cannot be told apart, or fit twice, or not at all.
#[test]
fn ambiguous_disks() {
    let facts = facts("blank");
    let text = NAS
        .replace("serial  = \"LABSATA0001\"", "model = \"QEMU HARDDISK\"\nsize = \"1GiB\"")
        .replace("LABSATA0003", "LABSATA0002")
        .replace("LABNVME0001", "NOTTHERE");
    insta::assert_snapshot!(plan(&wish(&text), &facts, &Consent::default()).to_text());
}

/// Larger is made, smaller is refused.
#[test]
fn sizes_grow_and_never_shrink() {
    let mut facts: Facts = facts("complete");
    for (from, to) in [("2GiB", "1GiB"), ("2GiB", "3GiB")] {
        let text = NAS.replace(&format!("size = \"{from}\""), &format!("size = \"{to}\""));
        let plan = plan(&wish(&text), &facts, &Consent::default());
        assert_eq!(plan.refusals.len(), 1, "{to}: {}", plan.to_text());
        assert!(plan.refusals[0].remedy.contains("2GiB"), "{to}: {}", plan.to_text());
    }
    // The stick turns out larger than its table: the partition grows, and then what lies on it is looked at again.
    let usb = facts.devices.iter_mut().find(|device| device.serial.as_deref() == Some("LABUSB0001")).unwrap();
    usb.size *= 2;
    if let Content::Table { end, .. } = &mut usb.content {
        *end = usb.size;
    }
    insta::assert_snapshot!(plan(&wish(NAS), &facts, &Consent::default()).to_text());
}

/// A filesystem that nothing recognises any more may still be somebody's data.
#[test]
fn damaged_persistent_data_is_not_overwritten() {
    for (path, node) in
        [("/dev/mapper/nas-data", "lvm_vg.nas.data"), ("/dev/md127", "mdadm.nas"), ("/dev/nvme0n1p1", "")]
    {
        let mut facts = facts("rebooted");
        let device = facts.devices.iter_mut().find(|device| device.path == path).unwrap();
        device.content = Content::Unknown;
        if path == "/dev/md127" {
            facts.devices.retain(|device| !device.path.starts_with("/dev/mapper/nas"));
            facts.groups.iter_mut().for_each(|group| group.missing = 1);
        }
        let plan = plan(&wish(NAS), &facts, &Consent::default());
        let refused: Vec<&str> = plan.refusals.iter().map(|refusal| refusal.node.as_str()).collect();
        if node.is_empty() {
            assert_eq!(refused, Vec::<&str>::new(), "an ephemeral root is made anew");
        } else {
            assert!(refused.contains(&node), "{path}: {}", plan.to_text());
            assert!(plan.steps.iter().all(|step| step.node.as_str() != node), "{path}: {}", plan.to_text());
        }
    }
}

/// Commands find what the plan makes, not what stood there before.
#[test]
fn paths() {
    let wish = wish(NAS);
    let mut facts = facts("complete");
    facts.mounts.clear();
    let nodes = ["disk.nvme", "lvm_vg.nas", "lvm_vg.nas.cache", "lvm_vg.nas.data"];
    // The root partition had another number in the old table.
    let root = facts.devices.iter_mut().find(|device| device.name == "nvme0n1p1").unwrap();
    (root.name, root.path) = ("nvme0n1p7".into(), "/dev/nvme0n1p7".into());
    root.partition.as_mut().unwrap().number = 7;
    let path = |facts: &Facts, consent: &Consent, node: &str| {
        plan(&wish, facts, consent).device_paths(&wish, facts).get(&node.into()).cloned().unwrap_or_default()
    };
    assert_eq!(path(&facts, &Consent::default(), "disk.nvme.root"), "/dev/nvme0n1p7");
    assert_eq!(path(&facts, &wipe(&nodes), "disk.nvme.root"), "/dev/nvme0n1p1");
    assert_eq!(path(&facts, &Consent::default(), "mdadm.nas"), "/dev/md127");

    // The kernel began the array and could not run it: it is stopped under its kernel name, and found by its link.
    let mut begun = common::facts("inactive");
    let mut array = facts.arrays[0].clone();
    (array.device, array.active) = ("md126".into(), false);
    begun.arrays = vec![array];
    let plan = plan(&wish, &begun, &Consent::default());
    let paths = plan.device_paths(&wish, &begun);
    let words = plan.steps.iter().find(|step| step.id.0 == "mdadm.nas/assemble").unwrap().commands();
    let stop = words[0].resolve(|node| paths.get(&node.into()).cloned()).unwrap();
    assert_eq!(stop.to_string(), "mdadm --quiet --stop /dev/md126");
    assert_eq!(paths[&"mdadm.nas".into()], "/dev/md/nas");
}

const TRIO: &str = r#"
[disk]
a = { serial = "A", content = { type = "lvm_pv", vg = "trio" } }
b = { serial = "B", content = { type = "lvm_pv", vg = "trio" } }
c = { serial = "C", content = { type = "lvm_pv", vg = "trio" } }
[lvm_vg.trio.lvs]
data = { size = "1000MiB", lvm_type = "raid5", content = { type = "filesystem", format = "ext4" } }
rest = { size = "end", lvm_type = "striped" }
"#;

/// Three disks, blank or with a group of ours, of 200 extents each.
fn trio(grouped: bool, volumes: Vec<Volume>) -> Facts {
    let blank = facts("blank");
    let Some(some) = blank.devices.iter().find(|device| device.content == Content::Blank) else {
        panic!("no disk is blank");
    };
    let wish = wish(TRIO);
    let pv = |node: &str| match wish.node(&node.into()).map(|node| &node.holds) {
        Some(Some(storage::wish::Holds::PhysicalVolume { uuid, .. })) => uuid.clone(),
        other => panic!("{other:?}"),
    };
    let used: u64 = volumes.iter().map(|volume| volume.size / 2 + (4 << 20)).sum();
    let disk = |name: &str| Device {
        name: format!("sd{name}"),
        path: format!("/dev/sd{name}"),
        serial: Some(name.to_uppercase()),
        size: 801 << 20,
        links: Vec::new(),
        content: if grouped {
            let (uuid, group) = (pv(&format!("disk.{name}")), Some("trio".into()));
            Content::PhysicalVolume { uuid, group, size: 800 << 20, used }
        } else {
            Content::Blank
        },
        ..some.clone()
    };
    let uuid = match wish.node(&"lvm_vg.trio".into()).map(|node| &node.kind) {
        Some(Kind::Group(group)) => group.uuid.clone(),
        other => panic!("{other:?}"),
    };
    let group = Group { name: "trio".into(), uuid, extent: 4 << 20, free: 600, missing: 0, volumes };
    Facts {
        devices: ["a", "b", "c"].map(disk).to_vec(),
        groups: grouped.then_some(group).into_iter().collect(),
        arrays: Vec::new(),
        mounts: Vec::new(),
        nodev: Vec::new(),
        swaps: Vec::new(),
        ..blank
    }
}

/// Volumes that are spread over several disks wait for their group; then each stripe has as many extents, md's notes are
/// counted, and what takes the rest takes what the disks have in common.
#[test]
fn spread_volumes() {
    let wish = wish(TRIO);
    let first = plan(&wish, &trio(false, Vec::new()), &Consent::default());
    assert_eq!(first.refusals, []);
    assert_eq!(first.steps.len(), 1, "{}", first.to_text());
    assert!(first.hidden.contains(&"lvm_vg.trio".into()));
    let second = plan(&wish, &trio(true, Vec::new()), &Consent::default());
    assert_eq!(second.refusals, []);
    let commands: Vec<String> = second.steps.iter().flat_map(Step::commands).map(|cmd| cmd.to_string()).collect();
    let creates: Vec<&String> = commands.iter().filter(|cmd| cmd.contains("lvcreate")).collect();
    // Of 200 extents each, 125 and one for md's notes are taken by `data`.
    for (create, words) in
        creates.iter().zip(["--type raid5 --stripes 2 --extents 250 ", "--type striped --stripes 3 --extents 222 "])
    {
        assert!(create.contains(words), "{create}");
    }
    assert_eq!(creates.len(), 2);
}

/// A RAID volume grows by what all its disks have, a linear one does not become one, and neither is made twice.
#[test]
fn spread_volumes_that_are_there() {
    let wish = wish(TRIO);
    let uuid = match &wish.node(&"lvm_vg.trio.data".into()).unwrap().kind {
        Kind::Volume(volume) => volume.uuid.clone(),
        other => panic!("{other:?}"),
    };
    let volume = |segment: &str, extents: u64| Volume {
        name: "data".into(),
        uuid: uuid.clone(),
        size: extents << 22,
        segment: segment.into(),
        active: true,
        hidden: false,
        cache: None,
        pool: None,
        fill: None,
        fault: None,
        synced: None,
        on: Vec::new(),
    };
    let told = |fault: Option<&str>, synced| {
        let volume = Volume { fault: fault.map(str::to_owned), synced: Some(synced), ..volume("raid5", 250) };
        let found = storage::health(&wish, &trio(true, vec![volume]));
        found.into_iter().find(|found| found.node == "lvm_vg.trio.data".into()).unwrap()
    };
    assert!(told(Some("partial"), 1000).text.contains("partial: see `lvconvert --repair trio/data`"));
    assert_eq!(told(None, 420).done, Some(420));
    assert!(told(None, 420).text.contains("its copies or parity are being made"));
    assert!(!told(None, 1000).text.contains("being made"));
    let planned = |segment: &str, extents: u64| {
        let text = plan(&wish, &trio(true, vec![volume(segment, extents)]), &Consent::default()).to_text();
        text.lines()
            .filter(|line| line.contains("trio.data") || line.contains("trio/data"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(planned("raid5", 200).contains("grow volume trio/data"), "{}", planned("raid5", 200));
    assert!(!planned("raid5_ls", 250).contains("grow"), "{}", planned("raid5_ls", 250));
    assert!(planned("raid5", 400).contains("shrinking is never done"), "{}", planned("raid5", 400));
    assert!(planned("linear", 250).contains("it is linear, not raid5"), "{}", planned("linear", 250));
}
