//! Machines that were set up by hand: what becomes of their identities, and what is not as it is declared.

mod common;

use common::{NAS, facts, storage};
use document::{Format, Path, edit};
use std::fmt::Write as _;
use storage::adopt::{Adoption, adopt};
use storage::facts::{Content, Facts};
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
