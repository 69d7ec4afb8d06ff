//! An array that lost power while members were missing, as the lab showed it: told, and started only when that is asked for.

#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use cmd::Line;
use common::facts;
use std::collections::BTreeSet;
use storage::facts::{Content, DeviceKind, Facts, Member, MemberState};
use storage::health::State;
use storage::plan::{Action, ArrayAction, Consent, Plan, Risk};
use storage::{NodeId, Wish, health, identity, plan};

const TREE: &str = include_str!("fixtures/living/tree.toml");

fn one() -> Wish {
    Wish::new(&common::storage(TREE), identity::namespace("lv", "one"))
}

/// Two of six dead, and the power went in the midst of a write.
fn dirty() -> Facts {
    facts("living/dirty")
}

fn forced() -> Consent {
    Consent { force_start: BTreeSet::from([NodeId::from("mdadm.nas")]), ..Consent::default() }
}

fn spoil(facts: &mut Facts, serial: &str, spoil: impl Fn(&mut Content)) {
    let device = facts.devices.iter_mut().find(|device| device.serial.as_deref() == Some(serial)).unwrap();
    spoil(&mut device.content);
}

fn force(plan: &Plan) -> Option<Vec<&str>> {
    plan.steps.iter().find_map(|step| match &step.what {
        Action::Array(ArrayAction::Force { members, .. }) => Some(members.iter().map(NodeId::as_str).collect()),
        _ => None,
    })
}

#[test]
fn a_dirty_array_is_told_of_and_started_only_when_that_is_asked_for() {
    let refused = plan(&one(), &dirty(), &Consent::default());
    insta::assert_snapshot!(refused.to_text());
    assert!(!refused.steps.iter().any(|step| matches!(step.what, Action::Array(_))), "nothing is tried");

    let asked = plan(&one(), &dirty(), &forced());
    assert_eq!(asked.refusals, []);
    assert_eq!(force(&asked).unwrap(), ["disk.a", "disk.b", "disk.e", "disk.f"]);
    assert_eq!(asked.risked(), BTreeSet::from(["mdadm.nas".into()]));
    assert!(asked.destroyed().is_empty());
    let step = asked.steps.iter().find(|step| matches!(step.risk, Risk::MayLose { .. })).unwrap();
    assert_eq!(step.commands()[0].argv()[4..7], ["/dev/md/nas", "30e46ae6:f6525387:b3b0e46b:8912c145", "begun"]);
    let paths = asked.device_paths(&one(), &dirty());
    assert_eq!(paths[&NodeId::from("mdadm.nas as begun")], "/dev/md127", "what the kernel has begun is stopped");
    // What was asked for once is not asked for again.
    assert!(forced().after(&asked).force_start.is_empty());
}

/// Which members count, and when force is of no use.
#[test]
fn only_members_in_step_are_forced_together() {
    let text = |facts: &Facts, consent: &Consent| plan(&one(), facts, consent).to_text();

    // One more is dead: said plainly, and no word helps.
    let mut dead = dirty();
    spoil(&mut dead, "E", |content| *content = Content::Unreadable);
    let third = text(&dead, &forced());
    assert!(third.contains("md/nas has 3 of 6 members and does not run with fewer than 4"), "{third}");
    assert!(third.contains("only a backup brings it back"), "{third}");
    assert_eq!(third, text(&dead, &Consent::default()));
    assert_eq!(force(&plan(&one(), &dead, &forced())), None);

    // One is there and fell behind long before: it does not fill the gap.
    let mut stale = dirty();
    spoil(&mut stale, "E", |content| {
        if let Content::Member { events, .. } = content {
            *events -= 7;
        }
    });
    let behind = text(&stale, &forced());
    assert!(behind.contains("disk.e (serial E) fell behind"), "{behind}");
    assert_eq!(force(&plan(&one(), &stale, &forced())), None);

    // So with one that had come back and was still being brought into step.
    let mut young = dirty();
    spoil(&mut young, "E", |content| {
        if let Content::Member { recovering, .. } = content {
            *recovering = true;
        }
    });
    assert_eq!(force(&plan(&one(), &young, &forced())), None);

    // What was not being written to starts as ever.
    let mut clean = dirty();
    for serial in ["A", "B", "E", "F"] {
        spoil(&mut clean, serial, |content| {
            if let Content::Member { dirty, .. } = content {
                *dirty = false;
            }
        });
    }
    let started = plan(&one(), &clean, &Consent::default());
    assert_eq!(started.refusals, []);
    assert!(started.to_text().contains("assemble md/nas from 4 members, 2 missing"), "{}", started.to_text());
    assert_eq!(force(&plan(&one(), &clean, &forced())), None, "no force where none is needed");
}

#[test]
fn status_tells_why_it_does_not_start() {
    let told = |facts: &Facts| {
        let found = health(&one(), facts).into_iter().find(|finding| finding.node.as_str() == "mdadm.nas").unwrap();
        (found.state, found.text)
    };
    let (state, text) = told(&dirty());
    assert!(state == State::Broken && text.contains("starts only when that is asked for"), "{text}");
    let mut dead = dirty();
    spoil(&mut dead, "E", |content| *content = Content::Unreadable);
    let (state, text) = told(&dead);
    assert!(state == State::Broken && text.contains("3 are in step, and it needs 4"), "{text}");
    let disk = health(&one(), &dead).into_iter().find(|finding| finding.node.as_str() == "disk.e").unwrap();
    assert_eq!((disk.state, disk.text.as_str()), (State::Broken, "serial E; answers nothing but errors"));
}

/// A running array of four, on disks `a` to `d`, and the tree that wants `new` in the place of one of them.
fn running() -> Facts {
    let mut facts = dirty();
    let uuid = facts.arrays[0].uuid;
    for (slot, serial) in (0..).zip(["A", "B", "C", "D", "E", "F"]) {
        if serial == "D" {
            let mut device = facts.devices.iter().find(|it| it.serial.as_deref() == Some("A")).unwrap().clone();
            (device.name, device.path, device.serial) = ("sdz".into(), "/dev/sdz".into(), Some("D".into()));
            device.links.clear();
            facts.devices.push(device);
        }
        let (name, level) = ("nas".to_owned(), "raid6".to_owned());
        let slot = Some(slot);
        let content =
            Content::Member { array: uuid, name, level, devices: 6, events: 42, slot, dirty: false, recovering: false };
        spoil(&mut facts, serial, |found| *found = content.clone());
    }
    let names = |facts: &Facts, serial: &str| {
        facts.devices.iter().find(|it| it.serial.as_deref() == Some(serial)).unwrap().name.clone()
    };
    let members = (0..).zip(["A", "B", "C", "D", "E", "F"]);
    let members =
        members.map(|(slot, it)| Member { device: names(&facts, it), state: MemberState::InSync, slot: Some(slot) });
    let members: Vec<Member> = members.collect();
    let mut md = facts.devices[0].clone();
    (md.name, md.path, md.kind, md.serial) = ("md127".into(), "/dev/md127".into(), DeviceKind::Array, None);
    (md.parents, md.content) = (members.iter().map(|it| it.device.clone()).collect(), Content::Blank);
    facts.devices.push(md);
    (facts.arrays[0].active, facts.arrays[0].members) = (true, members);
    facts.validate().unwrap();
    facts
}

/// The same with a new blank disk.
fn with_new() -> Facts {
    let mut facts = running();
    let mut device = facts.devices.iter().find(|it| it.serial.as_deref() == Some("A")).unwrap().clone();
    (device.name, device.path, device.serial) = ("sdnew".into(), "/dev/sdnew".into(), Some("NEW".into()));
    (device.links, device.content) = (Vec::new(), Content::Blank);
    facts.devices.push(device);
    facts
}

fn declared(new: &str) -> Wish {
    let text = TREE.replace("serial = \"C\"", &format!("serial = \"{new}\""));
    Wish::new(&common::storage(&text), identity::namespace("lv", "one"))
}

fn array_steps(plan: &Plan) -> Vec<&str> {
    let of = |id: &&str| id.starts_with("mdadm.nas/");
    plan.steps.iter().map(|step| step.id.0.as_str()).filter(of).collect()
}

/// A whole member that is declared no more serves until the new one is filled.
#[test]
fn a_whole_member_makes_room_without_losing_redundancy() {
    let (wish, mut facts) = (declared("NEW"), with_new());
    let old = facts.devices.iter().find(|it| it.serial.as_deref() == Some("C")).unwrap().name.clone();
    let first = plan(&wish, &facts, &Consent::default());
    assert_eq!(first.refusals, []);
    assert_eq!(array_steps(&first), ["mdadm.nas/replace-disk.c"], "{}", first.to_text());
    let step = first.steps.iter().find(|step| step.id.0 == "mdadm.nas/replace-disk.c").unwrap();
    assert!(step.describe().contains("serial C, which serves until then"), "{}", step.describe());
    let paths = first.device_paths(&wish, &facts);
    let lines: Vec<String> = step
        .commands()
        .into_iter()
        .map(|cmd| Line::Run(cmd).resolve(|node| paths.get(&NodeId::from(node)).cloned()).unwrap().cmd().to_string())
        .collect();
    assert_eq!(
        lines,
        [
            "mdadm --manage --quiet /dev/md127 --add /dev/sdnew".to_owned(),
            format!("mdadm --manage --quiet /dev/md127 --replace /dev/{old} --with /dev/sdnew"),
            "sync /dev/sdnew".to_owned(),
        ]
    );
    assert_eq!(first.digest(), plan(&wish, &common::renamed(&facts, "sda", "sdc"), &Consent::default()).digest());

    // Cut behind its adding: it stands by, and is filled without being added again.
    let add = |facts: &mut Facts, state: MemberState, slot: Option<u32>| {
        facts.arrays[0].members.push(Member { device: "sdnew".into(), state, slot });
        let like = facts.devices.iter().find(|it| it.name == old).unwrap().content.clone();
        spoil(facts, "NEW", |content| *content = like.clone());
    };
    let mut waits = facts.clone();
    add(&mut waits, MemberState::Spare, None);
    let text = plan(&wish, &waits, &Consent::default());
    assert_eq!(array_steps(&text), ["mdadm.nas/replace-disk.c"]);
    let step = text.steps.iter().find(|step| step.id.0 == "mdadm.nas/replace-disk.c").unwrap();
    assert!(step.guards.iter().all(|guard| !guard.cmd.to_string().contains("wipefs")), "it is not blank any more");
    assert_eq!(step.commands().len(), 2, "replaced and flushed, not added again");

    // While it is being filled there is nothing to do; both may be in one slot.
    let mut filled = facts.clone();
    add(&mut filled, MemberState::Replacing, Some(2));
    (filled.arrays[0].action, filled.arrays[0].done, filled.arrays[0].left) = (Some("recovery".into()), 125, Some(600));
    filled.validate().unwrap();
    assert_eq!(array_steps(&plan(&wish, &filled, &Consent::default())), Vec::<&str>::new());
    let told = health(&wish, &filled).into_iter().find(|finding| finding.node.as_str() == "mdadm.nas").unwrap();
    let expected = "array nas: 6 of 6 members, recovery, 12.5% done, about 10 min left";
    assert!(told.text.starts_with(expected), "{}", told.text);

    // Then the old one, which md calls failed, is let go.
    add(&mut facts, MemberState::InSync, Some(2));
    for member in &mut facts.arrays[0].members {
        if member.device == old {
            (member.state, member.slot) = (MemberState::Faulty, None);
        }
    }
    assert_eq!(array_steps(&plan(&wish, &facts, &Consent::default())), ["mdadm.nas/release"]);
    facts.arrays[0].members.retain(|member| member.device != old);
    assert_eq!(array_steps(&plan(&wish, &facts, &Consent::default())), Vec::<&str>::new());
}

/// md answers that it is busy to whoever spreads an array while a member is being replaced.
#[test]
fn an_array_is_spread_once_its_member_is_replaced() {
    let more = "g = { serial = \"G\", content = { type = \"mdraid\", name = \"nas\" } }\n";
    let text = TREE.replace("serial = \"C\"", "serial = \"NEW\"").replace("f = {", &format!("{more}f = {{"));
    let wish = Wish::new(&common::storage(&text), identity::namespace("lv", "one"));
    let mut facts = with_new();
    let mut device = facts.devices.iter().find(|it| it.serial.as_deref() == Some("NEW")).unwrap().clone();
    (device.name, device.path, device.serial) = ("sdmore".into(), "/dev/sdmore".into(), Some("G".into()));
    facts.devices.push(device);
    let plan = plan(&wish, &facts, &Consent::default());
    assert_eq!(array_steps(&plan), ["mdadm.nas/replace-disk.c", "mdadm.nas/add"], "{}", plan.to_text());
    assert!(plan.to_text().contains("md/nas is spread once its member has been replaced"), "{}", plan.to_text());
}

/// Cut in the midst of it and not started: the old member counts, declared or not.
#[test]
fn a_member_that_is_being_replaced_counts_when_the_array_is_started() {
    let (wish, mut facts) = (declared("NEW"), with_new());
    facts.arrays.clear();
    facts.devices.retain(|device| device.name != "md127");
    spoil(&mut facts, "NEW", |content| {
        *content = Content::Member {
            array: common::facts("living/dirty").arrays[0].uuid,
            name: "nas".into(),
            level: "raid6".into(),
            devices: 6,
            events: 42,
            slot: Some(2),
            dirty: true,
            recovering: true,
        };
    });
    let plan = plan(&wish, &facts, &Consent::default());
    assert_eq!(plan.refusals, [], "it is whole with the old one");
    assert!(plan.to_text().contains("assemble md/nas from 7 members"), "{}", plan.to_text());
    let told = health(&wish, &facts).into_iter().find(|finding| finding.node.as_str() == "mdadm.nas").unwrap();
    assert_eq!(told.state, State::Inactive, "{}", told.text);
}
