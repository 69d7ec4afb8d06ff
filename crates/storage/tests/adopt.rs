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
