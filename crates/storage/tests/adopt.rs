//! Machines that were set up by hand: what becomes of their identities, and what is not as it is declared.

mod common;

use common::{NAS, facts, storage, wish};
use document::{Format, Path, edit};
use std::fmt::Write as _;
use storage::adopt::{Adoption, adopt};
use storage::facts::{Content, Facts};
use storage::health::State;
use storage::plan::Consent;
use storage::{Wish, identity, plan};

/// The wish of somebody to whom nothing on the lab's disks belongs.
fn own(text: &str) -> Wish {
    Wish::new(&storage(text), identity::namespace("another", "nas"))
}

fn adopted(text: &str, facts: &Facts) -> Adoption {
    adopt(&storage(text), &Path::root(), &own(text), facts)
}

/// LVM makes identities of all letters and digits, which no UUID has.
fn by_hand(facts: &mut Facts) {
    let hand = |uuid: &mut String| *uuid = uuid.replace('a', "Z").replace('3', "x");
    for group in &mut facts.groups {
        hand(&mut group.uuid);
        group.volumes.iter_mut().for_each(|volume| hand(&mut volume.uuid));
    }
    for device in &mut facts.devices {
        if let Content::PhysicalVolume { uuid, .. } = &mut device.content {
            hand(uuid);
        }
    }
}

#[test]
fn a_nas_by_hand() {
    let mut facts = facts("complete");
    by_hand(&mut facts);
    let found = adopted(NAS, &facts);
    assert_eq!(found.strange, []);
    let lines: Vec<String> =
        found.identities.iter().map(|it| format!("{} = {:?}   # {}", it.at, it.uuid, it.of)).collect();
    insta::assert_snapshot!(lines.join("\n"));

    let texts: Vec<_> = found.identities.into_iter().map(|it| (it.at, it.uuid)).collect();
    let text = edit(NAS, Format::Toml, &texts).unwrap();
    let plan = plan(&own(&text), &facts, &Consent::default());
    assert!(plan.is_empty() && plan.refusals.is_empty(), "{}", plan.to_text());
}

/// Its GUID, and the number under which ZFS takes it for this machine's; ZFS' own partition on a disk that it was given whole is no
/// stranger.
#[test]
fn a_pool_by_hand() {
    let (text, mut facts) = (include_str!("common/tank.toml"), facts("zfs/imported"));
    // With the GUIDs that homehive did not choose, and without its comment.
    for pool in &mut facts.pools {
        pool.properties.remove("comment");
    }
    for device in &mut facts.devices {
        if let Content::PoolMember { mark, .. } = &mut device.content {
            *mark = None;
        }
    }
    let at = facts.devices.iter().position(|device| device.path == "/dev/nvme0n1p1").unwrap();
    let mut reserved = facts.devices[at].clone();
    (reserved.name, reserved.path, reserved.content) = ("nvme0n1p9".into(), "/dev/nvme0n1p9".into(), Content::Blank);
    let partition = reserved.partition.as_mut().unwrap();
    (partition.number, partition.kind) = (9, "6A945A3B-1DD2-11B2-99A6-080020736631".into());
    facts.devices.push(reserved);

    let found = adopted(text, &facts);
    assert_eq!(found.strange, []);
    let pools: Vec<_> = found.identities.iter().filter(|it| it.node.as_str() == "zpool.tank").collect();
    let lines: Vec<String> = pools.iter().map(|it| format!("{} = {:?}   # {}", it.at, it.uuid, it.of)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    zpool.tank.guid = "16926993610787419746"   # pool
    zpool.tank.host_id = "6690f7cd"   # host id of the machine
    "#);
    let inner: Vec<_> =
        found.identities.iter().map(|it| it.at.to_string()).filter(|at| at.contains("datasets")).collect();
    assert_eq!(inner.len(), 2, "{inner:?}");

    let texts: Vec<_> = found.identities.into_iter().map(|it| (it.at, it.uuid)).collect();
    let text = edit(text, Format::Toml, &texts).unwrap();
    let plan = plan(&own(&text), &facts, &Consent::default());
    assert!(plan.is_empty() && plan.refusals.is_empty(), "{}", plan.to_text());
}

#[test]
fn pools_that_are_not_as_declared_are_said() {
    let (text, whole) = (include_str!("common/tank.toml"), facts("zfs/imported"));
    let mut told = String::new();
    let mut tell = |case: &str, facts: &Facts, text: &str| {
        told.push_str(case);
        for it in adopted(text, facts).strange {
            let _ = write!(told, "\n  {}: {}; {}", it.node, it.reason, it.remedy);
        }
        told.push('\n');
    };
    let exported = Facts { pools: Vec::new(), ..whole.clone() };
    tell("not imported", &exported, text);
    tell("another pool", &whole, &text.replace("tank", "bank"));
    let mut closed = whole.clone();
    closed.devices.retain(|device| !device.links.iter().any(|link| link.starts_with("/dev/zvol/tank/papers/")));
    tell("a volume that is not open", &closed, text);
    let mut moved = whole.clone();
    moved.pools[0].vdevs[0].members.pop();
    tell("a device that is not in it", &moved, text);
    insta::assert_snapshot!(told);
}

/// What no tool knows counts as nothing only in what homehive made: where identities are declared, somebody else did.
#[test]
fn unknown_data_in_what_is_adopted_is_somebodys() {
    let mut facts = facts("complete");
    facts.mounts.clear();
    let text = NAS.replace("persistent", "# persistent");
    let texts: Vec<_> = adopted(&text, &facts).identities.into_iter().map(|it| (it.at, it.uuid)).collect();
    let adopted = own(&edit(&text, Format::Toml, &texts).unwrap());
    for (id, path) in [
        // Of a GPT, of an MBR, and a volume.
        ("disk.nvme.root", "/dev/nvme0n1p1"),
        ("disk.usb.boot", "/dev/sdg1"),
        ("lvm_vg.nas.data", "/dev/mapper/nas-data"),
    ] {
        let mut facts = facts.clone();
        facts.devices.iter_mut().find(|device| device.path == path).unwrap().content = Content::Unknown;
        let made = plan(&wish(&text), &facts, &Consent::default());
        assert!(made.steps.iter().any(|step| step.node == id.into()), "{id}: {}", made.to_text());
        let refused = plan(&adopted, &facts, &Consent::default());
        let remedies: Vec<&str> = refused.refusals.iter().map(|it| it.remedy.as_str()).collect();
        assert_eq!(remedies, [format!("to destroy that: --wipe {id}")], "{}", refused.to_text());
        let said = storage::health(&adopted, &facts);
        assert!(said.iter().any(|it| it.node == id.into() && it.state == State::Foreign), "{id}: {said:?}");
    }
}

#[test]
fn what_is_not_as_declared_is_said() {
    // As it was declared, or with one word in place of another.
    let cases = [
        ("nothing is there", "blank", "", ""),
        ("another format", "complete", "format = \"xfs\"", "format = \"ext4\""),
        ("another group", "complete", "vg = \"nas\"", "vg = \"other\""),
        ("another disk", "complete", "LABNVME0001", "LABNVME0009"),
        ("the array does not run", "inactive", "", ""),
    ];
    let mut told = String::new();
    for (case, state, from, to) in cases {
        assert!(NAS.contains(from), "{case}");
        told.push_str(case);
        for it in adopted(&NAS.replacen(from, to, 1), &facts(state)).strange {
            let _ = write!(told, "\n  {}: {}; {}", it.node, it.reason, it.remedy);
        }
        told.push('\n');
    }
    insta::assert_snapshot!(told);
}
