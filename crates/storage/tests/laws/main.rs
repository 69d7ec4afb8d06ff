//! What holds for every tree and every state: the laws of planning.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

mod adopting;
#[path = "../common/mod.rs"]
mod common;
mod crypts;
mod cuts;
mod enrolment;
mod pools;
mod thin;
mod trees;
mod world;

use common::{renamed, wish};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use storage::facts::{Content, Facts};
use storage::plan::{Consent, Risk, Sight};
use storage::{NodeId, Wish, plan};
use trees::{GIB, trees};
use world::{World, disk};

/// What every node holds, whatever its kernel name; and what is mounted where.
fn state(wish: &Wish, facts: &Facts) -> (BTreeMap<NodeId, (u64, Content)>, BTreeSet<String>) {
    let sight = Sight::new(wish, facts);
    let held = wish.nodes.iter().filter_map(|node| {
        sight.device(&node.id).map(|device| {
            let mut content = device.content.clone();
            // Which member was put into which slot, and how often md counted, is not the wish's business.
            if let Content::Member { events, slot, .. } = &mut content {
                (*events, *slot) = (0, None);
            }
            // Nor which slot was given to whom, nor a slot that a cut left to nobody.
            if let Content::Luks { keys, tokens: Some(tokens), .. } = &mut content {
                *keys = None;
                for token in tokens {
                    (token.id, token.slots) = (0, vec![]);
                }
            }
            (node.id.clone(), (device.size, content))
        })
    });
    let nodev = facts.nodev.iter().map(|nodev| nodev.target.clone());
    (held.collect(), facts.mounts.iter().map(|mount| mount.target.clone()).chain(nodev).collect())
}

/// So many cases as `PROPTEST_CASES` says, 64 unless it says anything: a minute's worth.
fn config() -> ProptestConfig {
    let said = std::env::var_os("PROPTEST_CASES").is_some();
    if said { ProptestConfig::default() } else { ProptestConfig::with_cases(64) }
}

proptest! {
    #![proptest_config(config())]

    /// Blank disks become what is wished, nothing is destroyed on the way, and then there is nothing to do.
    #[test]
    fn planning_twice_gives_nothing(tree in trees()) {
        let wish = wish(&tree.text);
        let mut world = World::new(tree.disks);
        let plans = world.converge(&wish, Consent::default());
        for plan in &plans {
            prop_assert!(plan.destroyed().is_empty());
            let mut done = BTreeSet::new();
            for step in &plan.steps {
                prop_assert!(step.after.iter().all(|before| done.contains(before)), "{} comes too early", step.id);
                prop_assert!(done.insert(&step.id), "{} comes twice", step.id);
            }
        }
        prop_assert_eq!(plans.len(), 1, "blank disks need one look");
        prop_assert!(plan(&wish, &world.seen(), &Consent::default()).is_empty());
    }

    /// Cut after any step, with or without a reboot: the next runs reach the same end.
    #[test]
    fn a_cut_changes_nothing(tree in trees(), at in 0_usize..40, reboot in any::<bool>()) {
        let wish = wish(&tree.text);
        let mut whole = World::new(tree.disks.clone());
        whole.converge(&wish, Consent::default());
        let mut cut = World::new(tree.disks);
        let first = plan(&wish, &cut.seen(), &Consent::default());
        for step in first.steps.iter().take(at % (first.steps.len() + 1)) {
            cut.apply(&wish, step);
        }
        if reboot {
            cut.reboot();
        }
        let plans = cut.converge(&wish, Consent::default());
        prop_assert!(plans.iter().all(|plan| plan.destroyed().is_empty()));
        prop_assert_eq!(state(&wish, &cut.all), state(&wish, &whole.all));
    }

    /// A disk that is not declared is in no plan, whatever it holds.
    #[test]
    fn what_is_not_declared_is_left_alone(tree in trees(), reinstall in any::<bool>()) {
        let wish = wish(&tree.text);
        let mut world = World::new(tree.disks);
        let mut stranger = disk("sdz", "STRANGER", 30 * GIB);
        stranger.content = Content::Other { name: "ntfs".into() };
        world.all.devices.insert(0, stranger.clone());
        let seen = world.seen();
        prop_assert!(plan(&wish, &seen, &Consent::default()).device_paths(&wish, &seen).values().all(|path| *path != stranger.path));
        world.converge(&wish, Consent { reinstall, ..Consent::default() });
        prop_assert_eq!(&world.all.devices[0], &stranger);
    }

    /// No plan destroys a persistent node that was not named.
    #[test]
    fn persistent_nodes_are_named_or_kept(tree in trees(), reinstall in any::<bool>(), reboot in any::<bool>(), named in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let wish = wish(&tree.text);
        let mut world = World::new(tree.disks);
        world.converge(&wish, Consent::default());
        if reboot {
            world.reboot();
        }
        world.all.mounts.clear();
        let named: BTreeSet<NodeId> = named.iter().map(|index| index.get(&wish.nodes).id.clone()).collect();
        let consent = Consent { wipe: named.clone(), reinstall, ..Consent::default() };
        let plan = plan(&wish, &world.seen(), &consent);
        for node in plan.destroyed() {
            let persistent = wish.node(&node).is_some_and(|node| node.persistent);
            prop_assert!(!persistent || named.contains(&node), "{node} was not named:\n{}", plan.to_text());
        }
        if named.is_empty() {
            prop_assert_eq!(plan.refusals, []);
        }
        if named.is_empty() && !reinstall {
            prop_assert!(plan.steps.iter().all(|step| step.risk == Risk::None), "only mounts, and what is started");
        }
    }

    /// Kernel names do not count.
    #[test]
    fn kernel_names_do_not_count(tree in trees(), cut in 0_usize..12, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let wish = wish(&tree.text);
        let (a, b) = (a.get(&tree.disks).name.clone(), b.get(&tree.disks).name.clone());
        let mut world = World::new(tree.disks);
        for step in plan(&wish, &world.seen(), &Consent::default()).steps.iter().take(cut) {
            world.apply(&wish, step);
        }
        let facts = world.seen();
        let plans = [&facts, &renamed(&facts, &a, &b)].map(|facts| plan(&wish, facts, &Consent::default()));
        prop_assert_eq!(plans[0].digest(), plans[1].digest());
        prop_assert_eq!(&plans[0], &plans[1]);
    }

    /// A volume grows, and never shrinks.
    #[test]
    fn volumes_grow_and_never_shrink(size in 2_u64..9, wanted in 1_u64..12) {
        let tree = |size: u64| format!(
            "[disk.g]\nserial = \"S1\"\ncontent = {{ type = \"lvm_pv\", vg = \"vg\" }}\n\
             [lvm_vg.vg.lvs.v]\nsize = \"{size}GiB\"\ncontent = {{ type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" }}\n"
        );
        let mut world = World::new(vec![disk("sda", "S1", 10 * GIB)]);
        world.converge(&wish(&tree(size)), Consent::default());
        let next = wish(&tree(wanted));
        let plan = plan(&next, &world.seen(), &Consent::default());
        if wanted < size || wanted > 9 {
            prop_assert_eq!(plan.refusals.len(), 1, "{}", plan.to_text());
            prop_assert!(plan.steps.is_empty());
        } else {
            prop_assert!(plan.steps.iter().all(|step| step.risk == Risk::Grows), "{}", plan.to_text());
            world.converge(&next, Consent::default());
            let facts = world.seen();
            let device = Sight::new(&next, &facts).device(&"lvm_vg.vg.v".into()).unwrap().clone();
            prop_assert_eq!(device.size, wanted * GIB);
            let spans = matches!(device.content, Content::Filesystem { size: Some(span), .. } if span == wanted * GIB);
            prop_assert!(spans);
        }
    }

    /// One edit: a disk joins the group, and a volume that is larger, a new one and a cache take its space.
    #[test]
    fn what_needs_a_joining_disk_comes_with_it(size in 1_u64..16, more in 1_u64..16, part in any::<bool>(), fast in any::<bool>()) {
        let fs = |path: &str| format!("content = {{ type = \"filesystem\", format = \"xfs\", mountpoint = \"{path}\" }}");
        let pv = "{ type = \"lvm_pv\", vg = \"vg\" }";
        let old = format!("[disk.g]\nserial = \"S1\"\ncontent = {pv}\n[lvm_vg.vg.lvs.v]\n{}\n", fs("/"));
        let (disk_text, joins) = if part {
            (format!("[disk.h.content]\ntype = \"gpt\"\npartitions.p = {{ content = {pv} }}"), "disk.h.p")
        } else {
            (format!("content = {pv}"), "disk.h")
        };
        // On the disk that joins, or on the one that is there.
        let cache = if fast { "size = \"64MiB\"\npvs = [\"disk.g\"]".into() } else { format!("size = \"100%\"\npvs = [\"{joins}\"]") };
        let next = wish(&format!(
            "{old}size = \"{size}GiB\"\nwritecache = \"c\"\n[lvm_vg.vg.lvs.w]\nsize = \"{more}GiB\"\n{}\n\
             [disk.h]\nserial = \"S2\"\n{disk_text}\n[lvm_vg.vg.lvs.c]\n{cache}\n",
            fs("/w")
        ));
        let mut world = World::new(vec![disk("sda", "S1", 8 * GIB), disk("sdb", "S2", 10 * GIB)]);
        world.converge(&wish(&format!("{old}size = \"1GiB\"\n")), Consent::default());
        let first = plan(&next, &world.seen(), &Consent::default());
        // Of each disk less than a GiB is lost to notes.
        if size + more > 17 {
            prop_assert!(!first.refusals.is_empty(), "{}", first.to_text());
        } else if size + more < 17 {
            prop_assert_eq!(&first.refusals, &[]);
            let plans = world.converge(&next, Consent::default());
            prop_assert!(plans.iter().all(|plan| plan.destroyed().is_empty()));
            let found = &world.all.groups[0].volumes;
            let of = |name: &str| found.iter().find(|it| it.name == name).map(|it| (it.size, it.cache.as_deref()));
            prop_assert_eq!((of("v"), of("w")), (Some((size * GIB, Some("c"))), Some((more * GIB, None))));
        }
    }

    /// Caches come, go, change their kind and grow, as does what they are in front of; nothing is ever lost.
    #[test]
    fn caches_come_and_go(edits in prop::collection::vec((1_u64..4, 1_u64..4, 0_usize..4), 1..5)) {
        let tree = |data: u64, cache: u64, kind: usize| format!(
            "[disk.g]\nserial = \"S1\"\ncontent = {{ type = \"lvm_pv\", vg = \"vg\" }}\n\
             [disk.h]\nserial = \"S2\"\ncontent = {{ type = \"lvm_pv\", vg = \"vg\" }}\n\
             [lvm_vg.vg.lvs.v]\nsize = \"{data}GiB\"\npvs = [\"disk.g\"]\n{}\n\
             content = {{ type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" }}\n\
             [lvm_vg.vg.lvs.c]\nsize = \"{cache}GiB\"\npvs = [\"disk.h\"]\n",
            ["", "writecache = \"c\"", "cache = \"c\"", "cache = \"c\""][kind],
        );
        let mut world = World::new(vec![disk("sda", "S1", 10 * GIB), disk("sdb", "S2", 10 * GIB)]);
        let (mut data, mut cache) = (1, 1);
        world.converge(&wish(&tree(data, cache, 0)), Consent::default());
        for (more, larger, kind) in edits {
            (data, cache) = ((data + more - 1).min(9), (cache + larger - 1).min(9));
            let next = wish(&tree(data, cache, kind));
            let plans = world.converge(&next, Consent::default());
            prop_assert!(plans.iter().all(|plan| plan.destroyed().is_empty() && plan.risked().is_empty()));
            let found = &world.all.groups[0].volumes;
            let of = |name: &str| found.iter().find(|it| it.name == name).map(|it| (it.size, it.cache.as_deref(), &*it.segment));
            let (cached, segment, inner) = match kind {
                0 => (None, "linear", "c"),
                1 => (Some("c"), "writecache", "c_cvol"),
                _ => (Some("c"), "cache", "c_cvol"),
            };
            prop_assert_eq!((of("v"), of(inner)), (Some((data * GIB, cached, segment)), Some((cache * GIB, None, "linear"))));
            prop_assert!(plan(&next, &world.seen(), &Consent::default()).is_empty());
        }
    }

    /// A dead member is replaced by the blank disk in its place; nothing else happens.
    #[test]
    fn a_dead_member_is_replaced(dead in 0_usize..4) {
        let mut text = String::from("[mdadm.a]\nlevel = 6\ncontent = { type = \"filesystem\", format = \"xfs\", mountpoint = \"/\" }\n");
        for at in 0..4 {
            let _ = write!(text, "[disk.m{at}]\nserial = \"S{at}\"\ncontent = {{ type = \"mdraid\", name = \"a\" }}\n");
        }
        let wish = wish(&text);
        let mut world = World::new((0..4).map(|at| disk(&format!("sd{at}"), &format!("S{at}"), GIB)).collect());
        world.converge(&wish, Consent::default());
        let gone = format!("sd{dead}");
        world.all.devices.retain(|device| device.name != gone);
        world.all.arrays[0].members.retain(|member| member.device != gone);
        prop_assert!(plan(&wish, &world.seen(), &Consent::default()).is_empty(), "the array does without");
        world.all.devices.push(disk("sdnew", &format!("S{dead}"), GIB));
        let plan = plan(&wish, &world.seen(), &Consent::default());
        let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.0.as_str()).collect();
        prop_assert_eq!(steps, ["mdadm.a/add"]);
        world.converge(&wish, Consent::default());
    }
}

/// A cache pool, which somebody has made by hand, is taken away by hand.
#[test]
fn a_cache_pool_is_left_alone() {
    let tree = |cache: &str| {
        wish(&format!(
            "[disk.g]\nserial = \"S1\"\ncontent = {{ type = \"lvm_pv\", vg = \"vg\" }}\n\
             [lvm_vg.vg.lvs.v]\nsize = \"1GiB\"\n{cache}\n[lvm_vg.vg.lvs.c]\nsize = \"1GiB\"\n"
        ))
    };
    let mut world = World::new(vec![disk("sda", "S1", 10 * GIB)]);
    world.converge(&tree("cache = \"c\""), Consent::default());
    for volume in &mut world.all.groups[0].volumes {
        volume.cache = volume.cache.take().map(|cache| format!("{cache}_cpool"));
    }
    let declared = plan(&tree("cache = \"c\""), &world.seen(), &Consent::default());
    assert!(
        declared.steps.is_empty() && declared.refusals[0].reason.contains("a cache pool"),
        "{}",
        declared.to_text()
    );
    let other = plan(&tree(""), &world.seen(), &Consent::default());
    assert!(other.is_empty(), "{}", other.to_text());
}

/// Blocks of a writecache are no larger than what is written by what is there already.
#[test]
fn a_writecache_fits_what_is_there() {
    let tree = |cache: &str, content: &str| {
        wish(&format!(
            "[disk.g]\nserial = \"S1\"\ncontent = {{ type = \"lvm_pv\", vg = \"vg\" }}\n\
             [lvm_vg.vg.lvs.v]\nsize = \"1GiB\"\n{cache}{content}[lvm_vg.vg.lvs.c]\nsize = \"1GiB\"\n"
        ))
    };
    let luks = "content = { type = \"luks\", name = \"l\", content = { type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" } }\n";
    for (content, block) in [("", "block_size=4096"), (luks, "block_size=512")] {
        let mut world = World::new(vec![disk("sda", "S1", 10 * GIB)]);
        world.converge(&tree("", content), Consent::default());
        let plan = plan(&tree("writecache = \"c\"\n", content), &world.seen(), &Consent::default());
        assert!(plan.steps[0].commands().iter().any(|cmd| cmd.to_string().contains(block)), "{}", plan.to_text());
    }
}

/// What stood on wiped disks is saved with them; a later step asks for none of it, for other things have its names then.
#[test]
fn what_is_gone_is_not_saved_again() {
    let part = |md: &str| {
        format!("partitions.{md} = {{ size = \"1GiB\", content = {{ type = \"mdraid\", name = \"{md}\" }} }}")
    };
    let mut text = String::new();
    for at in 1..=2 {
        let _ = write!(
            text,
            "[disk.d{at}]\nserial = \"S{at}\"\n[disk.d{at}.content]\ntype = \"gpt\"\n{}\n{}\n",
            part("one"),
            part("two")
        );
    }
    text += "[mdadm.one]\nlevel = 1\ncontent = { type = \"gpt\", partitions.a = { content = { type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" } } }\n";
    text += "[mdadm.two]\nlevel = 1\ncontent = { type = \"lvm_pv\", vg = \"vg\" }\n";
    text += "[lvm_vg.vg.lvs.v]\nsize = \"end\"\ncontent = { type = \"filesystem\", format = \"xfs\", mountpoint = \"/v\" }\n";
    let wish = wish(&text);
    let mut world = World::new([1, 2].map(|at| disk(&format!("sd{at}"), &format!("S{at}"), 10 * GIB)).into());
    world.converge(&wish, Consent::default());
    world.all.mounts.clear();
    let facts = world.seen();
    let consent = Consent { wipe: ["disk.d1".into(), "disk.d2".into()].into(), ..Consent::default() };
    let plan = plan(&wish, &facts, &consent);
    assert_eq!(plan.refusals, []);
    let overwrites = plan.overwrites(&wish, &facts);
    assert!(overwrites.iter().flatten().count() > 0);
    for (step, overwritten) in plan.steps.iter().zip(overwrites) {
        let others = overwritten.iter().find(|saved| !saved.path.starts_with("/dev/sd"));
        assert_eq!(others.filter(|_| !matches!(step.what, plan::Action::Wipe(_))), None, "{}", step.describe());
    }
}
