//! Laws of thin pools and thin volumes: made in the group that is there, grown, joined, and never lost.

use super::common::wish;
use super::trees::GIB;
use super::world::{World, disk};
use super::{config, state};
use proptest::prelude::*;
use std::fmt::Write as _;
use storage::facts::Content;
use storage::plan::{Consent, Risk, Sight};
use storage::{NodeId, plan};

/// A group on two disks of 10 GiB, a pool of this size in it, thin volumes of so many GiB, and a volume beside the pool.
fn tree(pool: &str, thin: &[u64], beside: &str) -> String {
    let mut text = String::new();
    for (at, size) in thin.iter().enumerate() {
        let content = format!("{{ type = \"filesystem\", format = \"ext4\", mountpoint = \"/m{at}\" }}");
        let _ = write!(
            text,
            "[lvm_vg.vg.lvs.a{at}]\nlvm_type = \"thinlv\"\npool = \"pool\"\nsize = \"{size}GiB\"\ncontent = {content}\n"
        );
    }
    format!(
        "[disk.g]\nserial = \"S1\"\ncontent = {{ type = \"lvm_pv\", vg = \"vg\" }}\n\
         [disk.h]\nserial = \"S2\"\ncontent = {{ type = \"lvm_pv\", vg = \"vg\" }}\n\
         [lvm_vg.vg.lvs.pool]\nlvm_type = \"thin-pool\"\nsize = \"{pool}\"\n{text}{beside}"
    )
}

fn world() -> World {
    World::new(vec![disk("sda", "S1", 10 * GIB), disk("sdb", "S2", 10 * GIB)])
}

fn pools() -> impl Strategy<Value = (&'static str, &'static str)> {
    let beside = "[lvm_vg.vg.lvs.beside]\nsize = \"2GiB\"\n";
    let rest = "[lvm_vg.vg.lvs.beside]\nsize = \"end\"\n";
    prop_oneof![
        Just(("3GiB", beside)),
        Just(("3GiB", rest)),
        Just(("12MiB", rest)),
        Just(("end", beside)),
        Just(("50%", rest)),
        Just(("end", "")),
    ]
}

proptest! {
    #![proptest_config(config())]

    /// Cut after any step of any look, with or without a reboot: the next runs reach the same end, and there is nothing to do.
    #[test]
    fn thin_volumes_are_made_whatever_happens((pool, beside) in pools(), thin in prop::collection::vec(1_u64..40, 0..4), look in 0_usize..3, at in 0_usize..12, reboot in any::<bool>()) {
        let wish = wish(&tree(pool, &thin, beside));
        let mut whole = world();
        let plans = whole.converge(&wish, Consent::default());
        prop_assert_eq!(plans.len(), 2, "the group, and what is in it");
        prop_assert!(plan(&wish, &whole.seen(), &Consent::default()).is_empty());
        let mut cut = world();
        for _ in 0..look {
            for step in &plan(&wish, &cut.seen(), &Consent::default()).steps {
                cut.apply(&wish, step);
            }
        }
        for step in plan(&wish, &cut.seen(), &Consent::default()).steps.iter().take(at) {
            cut.apply(&wish, step);
        }
        if reboot {
            cut.reboot();
        }
        let plans = cut.converge(&wish, Consent::default());
        prop_assert!(plans.iter().all(|plan| plan.destroyed().is_empty()));
        prop_assert_eq!(state(&wish, &cut.all), state(&wish, &whole.all));
        prop_assert!(plan(&wish, &cut.seen(), &Consent::default()).is_empty());
    }

    /// Pools and volumes grow, volumes join, and what would shrink or has no room is refused without a step.
    #[test]
    fn thin_volumes_grow_and_join(pool in 1_u64..8, thin in prop::collection::vec(1_u64..40, 1..3), wanted in 1_u64..24, more in prop::collection::vec(0_u64..40, 1..3), joins in any::<bool>()) {
        let mut world = world();
        world.converge(&wish(&tree(&format!("{pool}GiB"), &thin, "")), Consent::default());
        let mut larger: Vec<u64> = thin.iter().zip(more.iter().chain(&[0])).map(|(size, more)| size + more).collect();
        larger.extend(joins.then_some(100));
        let next = wish(&tree(&format!("{wanted}GiB"), &larger, ""));
        let first = plan(&next, &world.seen(), &Consent::default());
        if wanted < pool || wanted > 19 {
            prop_assert_eq!(first.refusals.len(), 1, "{}", first.to_text());
            return Ok(());
        }
        prop_assert!(first.steps.iter().all(|step| matches!(step.risk, Risk::Grows | Risk::Creates | Risk::None)));
        world.converge(&next, Consent::default());
        let facts = world.seen();
        for (at, size) in larger.iter().enumerate() {
            let device = Sight::new(&next, &facts).device(&format!("lvm_vg.vg.a{at}").as_str().into()).unwrap().clone();
            let spans = matches!(device.content, Content::Filesystem { size: Some(span), .. } if span == size * GIB);
            prop_assert!(spans, "{device:?}");
        }
        let found = facts.groups[0].volumes.iter().find(|volume| volume.name == "pool").unwrap();
        prop_assert_eq!(found.size, wanted * GIB);
        let shrunk = wish(&tree(&format!("{wanted}GiB"), &larger.iter().map(|size| size / 2 + 1).collect::<Vec<_>>(), ""));
        if larger.iter().any(|size| size / 2 + 1 < *size) {
            let refused = plan(&shrunk, &facts, &Consent::default());
            prop_assert!(!refused.refusals.is_empty() && refused.steps.is_empty(), "{}", refused.to_text());
        }
    }

    /// A pool that has the rest of its group grows with it, and then there is nothing to do, however much LVM took for notes.
    #[test]
    fn a_pool_takes_what_joins(size in 1_u64..4000) {
        let old = tree("end", &[5], "");
        let next = format!("{old}[disk.i]\nserial = \"S3\"\ncontent = {{ type = \"lvm_pv\", vg = \"vg\" }}\n");
        let mut world = world();
        world.converge(&wish(&old), Consent::default());
        world.all.devices.push(disk("sdc", "S3", size * GIB));
        let next = wish(&next);
        world.converge(&next, Consent::default());
        prop_assert!(plan(&next, &world.seen(), &Consent::default()).is_empty());
        let seen = world.seen();
        let found = seen.groups[0].volumes.iter().find(|volume| volume.name == "pool").unwrap();
        let all = (size + 20) * GIB;
        prop_assert!(found.size > all - all / 50 - GIB / 4, "{} of {all}", found.size);
    }
}

/// What is there and is something else is refused, and never overwritten; of a pool nothing is wiped but with its volumes.
#[test]
fn thin_or_not_is_no_matter_of_taste() {
    let thin = "[lvm_vg.vg.lvs.v]\nlvm_type = \"thinlv\"\npool = \"pool\"\nsize = \"1GiB\"\n";
    let other = "[lvm_vg.vg.lvs.other]\nlvm_type = \"thin-pool\"\nsize = \"1GiB\"\n";
    let linear = "[lvm_vg.vg.lvs.v]\nsize = \"1GiB\"\n";
    let content = "content = { type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" }\n";
    let pooled = |beside: &str| tree("3GiB", &[], beside);
    let moved = thin.replace("\"pool\"", "\"other\"");
    let plain = format!("{}{content}", pooled("").replace("lvm_type = \"thin-pool\"\n", ""));
    for (case, made, then, reason) in [
        ("linear, not thin", pooled(linear), pooled(thin), "it is linear, not thin"),
        (
            "in another pool",
            pooled(&format!("{thin}{other}")),
            pooled(&format!("{moved}{other}")),
            "it lies in pool pool",
        ),
        ("a pool is no volume", pooled(""), plain, "it is thin-pool, not linear"),
    ] {
        let mut world = world();
        world.converge(&wish(&made), Consent::default());
        let plan = plan(&wish(&then), &world.seen(), &Consent::default());
        let refused = plan.refusals.iter().any(|refusal| refusal.reason.contains(reason));
        assert!(refused && plan.steps.is_empty(), "{case}: {}", plan.to_text());
    }
    let tree = wish(&pooled(&format!("{thin}[lvm_vg.vg]\npersistent = true\n")));
    let mut world = world();
    world.converge(&tree, Consent::default());
    let all = ["lvm_vg.vg", "lvm_vg.vg.pool", "lvm_vg.vg.v"];
    for (named, reason, lost) in [
        (&["lvm_vg.vg.pool"][..], Some("thin pool"), &[][..]),
        (&["lvm_vg.vg.pool", "lvm_vg.vg.v"], Some("thin pool"), &[]),
        (&["lvm_vg.vg"], Some("persistent: lvm_vg.vg.pool, lvm_vg.vg.v"), &[]),
        (&all, None, &all),
    ] {
        let consent = Consent { wipe: named.iter().map(|id| NodeId::from(*id)).collect(), ..Consent::default() };
        let plan = plan(&tree, &world.seen(), &consent);
        let reasons: Vec<&str> = plan.refusals.iter().map(|it| it.reason.as_str()).collect();
        assert!(reasons.len() == usize::from(reason.is_some()), "{named:?}: {reasons:?}");
        assert!(reason.is_none_or(|reason| reasons[0].contains(reason)), "{named:?}: {reasons:?}");
        let found: Vec<String> = plan.destroyed().iter().map(ToString::to_string).collect();
        assert_eq!(found, lost, "{named:?}: {}", plan.to_text());
        // Removed volumes are gone from the pool's own notes, whatever is put back of LVM's.
        let saved = plan.overwrites(&tree, &world.seen()).concat();
        assert!(saved.iter().all(|saved| !saved.whole) && saved.is_empty() == lost.is_empty(), "{saved:?}");
    }
}

/// What is run, word for word: identities are given to what is not active.
#[test]
fn the_words() {
    let tree = wish(&tree("3GiB", &[5], ""));
    let mut world = world();
    let plans = world.converge(&tree, Consent::default());
    let words = plans[1].steps.iter().take(2).flat_map(plan::Step::commands).map(|cmd| cmd.to_string());
    let shown: Vec<String> = words
        .map(|line| match line.split_once("identify ") {
            Some((_, rest)) => format!("identify {}", rest.rsplit_once(' ').unwrap().0),
            None => line,
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

/// A pool may be promised more than it has: that is said, and refused by nobody.
#[test]
fn promises_are_told() {
    for (pool, told) in [("3GiB", true), ("9GiB", false)] {
        let tree = wish(&tree(pool, &[3, 6], ""));
        let mut world = world();
        let plans = world.converge(&tree, Consent::default());
        let text = "its volumes may want 9GiB together, and it has 3GiB";
        for plan in [&plans[1], &plan(&tree, &world.seen(), &Consent::default())] {
            assert_eq!(plan.notes.iter().any(|note| note.text.starts_with(text)), told, "{}", plan.to_text());
        }
    }
}
