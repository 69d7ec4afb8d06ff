//! LUKS containers: what is planned for them, open and closed.

use super::common::wish;
use super::world::{MIB, World, disk};
use std::collections::BTreeSet;
use storage::facts::Content;
use storage::plan::{Consent, Plan, Risk};
use storage::{NodeId, Wish, plan};

const TREE: &str = r#"
[disk.a]
serial = "A"
FLAG
content = { type = "luks", name = "one", content = { type = "filesystem", format = "xfs", mountpoint = "/" } }
[disk.b]
serial = "B"
content = { type = "luks", name = "two", allow_discards = true, pbkdf_memory = "64MiB", pbkdf_time = 500, content = { type = "lvm_pv", vg = "vg" } }
[lvm_vg.vg.lvs.v]
size = "1GiB"
content = { type = "filesystem", format = "ext4", mountpoint = "/v" }
"#;

fn made(flag: &str) -> (Wish, World) {
    let wish = wish(&TREE.replace("FLAG", flag));
    let mut world = World::new(vec![disk("sda", "A", 4096 * MIB), disk("sdb", "B", 4096 * MIB)]);
    world.converge(&wish, Consent::default());
    (wish, world)
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.0.as_str()).collect()
}

#[test]
fn blank_disks_are_encrypted_one_after_another_and_no_command_bears_a_key() {
    let wish = wish(&TREE.replace("FLAG", ""));
    let world = World::new(vec![disk("sda", "A", 4096 * MIB), disk("sdb", "B", 4096 * MIB)]);
    let facts = world.seen();
    let plan = plan(&wish, &facts, &Consent::default());
    let second = plan.steps.iter().find(|step| step.id.0 == "luks.two/encrypt").unwrap();
    assert!(second.after.iter().any(|before| before.0 == "luks.one/encrypt"), "trying keys takes memory");
    let paths = plan.device_paths(&wish, &facts);
    let words = second.commands().into_iter().map(|cmd| {
        let fed = cmd.key.as_ref().map(|key| format!("key of {key} | ")).unwrap_or_default();
        format!("{fed}{}\n", cmd.resolve(|node| paths.get(&NodeId::from(node)).cloned()).unwrap())
    });
    insta::assert_snapshot!(words.collect::<String>());
}

#[test]
fn what_is_closed_is_opened_and_nothing_in_it_is_guessed() {
    let (wish, mut world) = made("");
    world.reboot();
    let plan = plan(&wish, &world.seen(), &Consent::default());
    assert_eq!(steps(&plan), ["luks.one/open", "luks.two/open"], "{}", plan.to_text());
    assert!(plan.steps.iter().all(|step| step.risk == Risk::None));
    assert_eq!(plan.hidden, ["luks.one", "luks.two", "lvm_vg.vg.v"].map(NodeId::from));
}

#[test]
fn a_header_of_ours_that_was_begun_is_written_anew() {
    let (wish, mut world) = made("persistent = true");
    world.reboot();
    let Content::Luks { label, .. } = &mut world.device("sda").content else { panic!() };
    *label = Some("HH-BEGUN".into());
    let plan = plan(&wish, &world.seen(), &Consent::default());
    let step = plan.steps.iter().find(|step| step.node.as_str() == "luks.one").unwrap();
    assert_eq!((step.id.0.as_str(), &step.risk), ("luks.one/encrypt", &Risk::Creates));
}

#[test]
fn another_container_is_foreign() {
    let (wish, mut world) = made("");
    world.reboot();
    let Content::Luks { uuid, .. } = &mut world.device("sda").content else { panic!() };
    *uuid = Some(uuid::Uuid::from_u128(7));
    let plan = plan(&wish, &world.seen(), &Consent::default());
    let refused: Vec<_> = plan.refusals.iter().map(|it| (it.node.as_str(), it.remedy.as_str())).collect();
    assert_eq!(refused, [("disk.a", "to destroy that: --wipe disk.a")]);
}

#[test]
fn a_closed_container_is_wiped_by_its_device_and_everything_persistent_in_it_by_name() {
    for (flag, named, refused) in [
        ("", &["luks.one"][..], Some("luks.one")),
        ("", &["disk.a"], None),
        ("persistent = true", &["disk.a"], Some("disk.a")),
        ("persistent = true", &["disk.a", "luks.one"], None),
    ] {
        let (wish, mut world) = made(flag);
        world.reboot();
        let wipe = named.iter().map(|node| (*node).into()).collect();
        let plan = plan(&wish, &world.seen(), &Consent { wipe, ..Consent::default() });
        let nodes = plan.refusals.first().map(|refusal| refusal.node.as_str());
        assert_eq!(nodes, refused, "{flag} {named:?}:\n{}", plan.to_text());
        if refused.is_none() {
            assert_eq!(plan.destroyed(), BTreeSet::from(["disk.a".into(), "luks.one".into()]));
        }
    }
}

#[test]
fn a_reinstall_makes_closed_containers_anew_and_opens_persistent_ones() {
    for (flag, first, lost) in [("", "luks.one/encrypt", true), ("persistent = true", "luks.one/open", false)] {
        let (wish, mut world) = made(flag);
        let before = world.name(&wish, &"luks.one".into());
        world.reboot();
        let consent = Consent { reinstall: true, ..Consent::default() };
        let plans = world.converge(&wish, consent);
        assert!(steps(&plans[0]).contains(&first), "{flag}: {}", plans[0].to_text());
        assert_eq!(plans[0].destroyed().contains(&"luks.one".into()), lost, "{flag}");
        // The group's container is opened, for volumes may lie in it that are not declared; those that are go all the same.
        assert!(steps(&plans[0]).contains(&"luks.two/open"), "{flag}");
        let anew = plans.iter().filter(|plan| plan.destroyed().contains(&"lvm_vg.vg.v".into()));
        assert_eq!(anew.count(), 1, "{flag}");
        assert_eq!(world.name(&wish, &"luks.one".into()), before);
    }
}

/// What is closed may hold more than is declared: then it is opened.
#[test]
fn a_reinstall_makes_nothing_anew_in_which_more_than_is_declared_may_lie() {
    const FS: &str = r#"content = { type = "filesystem", format = "xfs", mountpoint = "/" }"#;
    let crypt = |disk: &str, content: &str| {
        format!("[disk.{disk}]\nserial = \"{disk}\"\ncontent = {{ type = \"luks\", name = \"{disk}\"{content} }}\n")
    };
    let member = r#", content = { type = "mdraid", name = "a" }"#;
    let array =
        |content: &str| format!("{}{}[mdadm.a]\nlevel = 1\n{content}\n", crypt("a", member), crypt("b", member));
    let group = |volume: &str| {
        let content = r#", content = { type = "lvm_pv", vg = "vg" }"#;
        format!("{}[lvm_vg.vg.lvs.v]\nsize = \"64MiB\"\n{volume}\n", crypt("a", content))
    };
    let table = r#", content = { type = "gpt", partitions = { p = { size = "64MiB" } } }"#;
    let lies = r#"content = { type = "lvm_pv", vg = "vg" }"#;
    for (case, text, anew) in [
        ("a filesystem", crypt("a", &format!(", {FS}")), true),
        ("what is left alone", crypt("a", ""), false),
        ("a table", crypt("a", table), false),
        ("a group", group(FS), false),
        ("a group with a volume that is left alone", group(""), false),
        ("an array", array(FS), true),
        ("an array that is left alone", array(""), false),
        ("an array with a group", array(lies) + "[lvm_vg.vg.lvs.v]\nsize = \"64MiB\"\n" + FS, false),
    ] {
        let wish = wish(&text);
        let mut world = World::new(vec![disk("sda", "a", 2048 * MIB), disk("sdb", "b", 2048 * MIB)]);
        world.converge(&wish, Consent::default());
        world.reboot();
        let plan = plan(&wish, &world.seen(), &Consent { reinstall: true, ..Consent::default() });
        let formats = plan.steps.iter().any(|step| step.id.0.ends_with("/encrypt"));
        assert_eq!((formats, plan.destroyed().is_empty()), (anew, !anew), "{case}: {}", plan.to_text());
    }
}

#[test]
fn a_larger_disk_makes_container_and_content_larger() {
    let (wish, mut world) = made("");
    for disk in ["sda", "sdb"] {
        world.device(disk).size += 1024 * MIB;
    }
    let plan = plan(&wish, &world.seen(), &Consent::default());
    assert_eq!(steps(&plan), ["luks.one/resize", "luks.two/resize"], "{}", plan.to_text());
    let plans = world.converge(&wish, Consent::default());
    assert!(plans.iter().flat_map(|plan| &plan.steps).all(|step| step.risk == Risk::Grows));
    let held = world.device("dm-one").clone();
    assert!(matches!(held.content, Content::Filesystem { size: Some(spans), .. } if spans == held.size), "{held:?}");
}

#[test]
fn an_array_waits_for_members_that_are_closed() {
    let member = |at: usize| {
        format!(
            "[disk.m{at}]\nserial = \"S{at}\"\ncontent = {{ type = \"luks\", name = \"m{at}\", content = {{ type = \"mdraid\", name = \"a\" }} }}\n"
        )
    };
    let text = format!(
        "{}[mdadm.a]\nlevel = 1\ncontent = {{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/\" }}\n",
        (0..2).map(member).collect::<String>()
    );
    let wish = wish(&text);
    let mut world = World::new((0..2).map(|at| disk(&format!("sd{at}"), &format!("S{at}"), 1024 * MIB)).collect());
    world.converge(&wish, Consent::default());
    world.reboot();
    let one = plan(&wish, &world.seen(), &Consent::default()).steps.remove(0);
    world.apply(&wish, &one);
    let plan = plan(&wish, &world.seen(), &Consent::default());
    assert_eq!(steps(&plan), ["luks.m1/open"], "one of two is there, and would be started without the other");
}

/// The whole chain: partition, container, filesystem; and a partition beside it.
#[test]
fn a_larger_partition_makes_all_in_it_larger() {
    let tree = |size: u64, more: &str| {
        wish(&format!(
            "[disk.a]\nserial = \"A\"\n[disk.a.content]\ntype = \"gpt\"\n{more}[disk.a.content.partitions.b]\nsize = \"{size}GiB\"\n\
             content = {{ type = \"luks\", name = \"b\", content = {{ type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" }} }}\n"
        ))
    };
    let mut world = World::new(vec![disk("sda", "A", 8192 * MIB)]);
    world.converge(&tree(1, ""), Consent::default());
    let next = tree(2, "partitions.c = { size = \"1GiB\", content = { type = \"swap\" } }\n");
    let plans = world.converge(&next, Consent::default());
    let ids: Vec<Vec<&str>> = plans.iter().map(steps).collect();
    assert_eq!(
        ids,
        [
            vec!["disk.a.b/grow", "disk.a.c/partition", "partitions/settle", "disk.a.c/format"],
            vec!["luks.b/resize"],
            vec!["luks.b/grow"]
        ]
    );
    let found = world.device("dm-b").clone();
    assert!(matches!(found.content, Content::Filesystem { size: Some(spans), .. } if spans == 2032 * MIB), "{found:?}");
}
