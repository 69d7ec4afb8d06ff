//! An array that lost power while members were missing, as the lab showed it: told, and started only when that is asked for.

#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use common::facts;
use std::collections::BTreeSet;
use storage::facts::{Content, Facts};
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
