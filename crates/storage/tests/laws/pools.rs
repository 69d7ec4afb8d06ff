//! ZFS pools: made, imported, changed while they live, and never lost.

mod devices;

use super::common::{storage, wish};
use super::trees::GIB;
use super::world::{World, disk};
use super::{config, state};
use document::{Format, Path, edit};
use proptest::prelude::*;
use storage::adopt::adopt;
use storage::facts::Content;
use storage::plan::{Consent, Plan, Risk};
use storage::{NodeId, Wish, identity, plan};

/// A pool over so many disks, with filesystems and volumes.
fn tree(mode: &str, disks: usize, pool: &str) -> String {
    let mode = if mode.is_empty() { String::new() } else { format!("mode = \"{mode}\"\n") };
    let disks: String = (0..disks).map(member).collect();
    format!("{disks}[zpool.tank]\n{mode}{pool}")
}

fn member(at: usize) -> String {
    format!(
        "[disk.d{at}]\nserial = \"S{at}\"\n\
         content = {{ type = \"gpt\", partitions.zfs = {{ content = {{ type = \"zfs\", pool = \"tank\" }} }} }}\n"
    )
}

const REST: &str = r#"
pool_properties = { ashift = "12" }
properties = { compression = "zstd" }
mountpoint = "/tank"
empty_snapshot = "blank"
[zpool.tank.datasets.home]
mountpoint = "/home"
empty_snapshot = "fresh"
properties = { recordsize = "1M" }
[zpool.tank.datasets.secret]
encryption = { key_file = "k" }
[zpool.tank.datasets."secret/papers"]
mountpoint = "/papers"
[zpool.tank.datasets.swap]
size = "1GiB"
content = { type = "swap" }
[zpool.tank.datasets."secret/disk"]
size = "2GiB"
content = { type = "filesystem", format = "ext4", mountpoint = "/disk" }
"#;

fn world(disks: usize) -> World {
    World::new((0..disks).map(|at| disk(&format!("sd{at}"), &format!("S{at}"), 8 * GIB)).collect())
}

fn made(mode: &str, disks: usize) -> (Wish, World) {
    let wish = wish(&tree(mode, disks, REST));
    let mut world = world(disks);
    world.converge(&wish, Consent::default());
    (wish, world)
}

fn unmount(world: &mut World) {
    world.all.mounts.clear();
    world.all.pools.iter_mut().flat_map(|pool| &mut pool.datasets).for_each(|dataset| dataset.mounts.clear());
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.0.as_str()).collect()
}

fn look(wish: &Wish, world: &World) -> Plan {
    plan(wish, &world.seen(), &Consent::default())
}

fn words(plan: &Plan, wish: &Wish, world: &World) -> String {
    let facts = world.seen();
    let paths = plan.device_paths(wish, &facts);
    let words = plan.steps.iter().filter(|step| step.id.0.starts_with("zpool")).flat_map(|step| {
        let commands = step.commands().into_iter().map(|cmd| {
            let fed = cmd.key.as_ref().map(|key| format!("key of {key} | ")).unwrap_or_default();
            let words = cmd.resolve(|node| paths.get(&NodeId::from(node)).cloned()).unwrap().to_string();
            // A script of ours stands for itself.
            let words = words.lines().next().unwrap_or_default().to_owned();
            format!("  {fed}{words}\n")
        });
        std::iter::once(format!("{}: {}\n", step.id, step.describe())).chain(commands).collect::<Vec<_>>()
    });
    words.collect()
}

#[test]
fn a_pool_in_words() {
    let wish = wish(&tree("mirror", 2, REST));
    let world = world(2);
    insta::assert_snapshot!(words(&look(&wish, &world), &wish, &world));
}

/// zpool takes the word of a class once, and a device behind a vdev of several for one of that.
#[test]
fn devices_that_stand_alone_come_before_vdevs_of_several() {
    let names =
        |members: &[usize]| members.iter().map(|at| format!("\"disk.d{at}.zfs\"")).collect::<Vec<_>>().join(", ");
    let both = |class: &str, two: [usize; 2], one: usize| {
        let (two, one) = (names(&two), names(&[one]));
        format!("{class} = [{{ mode = \"mirror\", members = [{two}] }}, {{ members = [{one}] }}]\n")
    };
    let lists = both("vdev", [0, 1], 2) + &both("log", [3, 4], 5) + &both("special", [6, 7], 8);
    let wish = wish(&tree("", 9, &lists));
    let world = world(9);
    let words = words(&look(&wish, &world), &wish, &world);
    let made = words.lines().find(|line| line.contains("zpool create")).unwrap();
    let part = |at: usize| format!("/dev/sd{at}p1");
    let group = |word: &str, two: [usize; 2], one: usize| {
        format!("{word} {} mirror {} {}", part(one), part(two[0]), part(two[1]))
    };
    let expected = [group("tank", [0, 1], 2), group("special", [6, 7], 8), group("log", [3, 4], 5)].join(" ");
    assert!(made.ends_with(&expected), "{made}");
}

#[test]
fn after_a_reboot_it_is_imported_and_opened_and_nothing_else() {
    let (wish, mut world) = made("raidz2", 4);
    let before = state(&wish, &world.all);
    world.reboot();
    let first = look(&wish, &world);
    assert_eq!(steps(&first), ["zpool.tank/import"], "{}", first.to_text());
    insta::assert_snapshot!("a_pool_imported", words(&first, &wish, &world));
    let plans = world.converge(&wish, Consent::default());
    let all: Vec<&str> = plans.iter().flat_map(steps).collect();
    assert!(all.contains(&"zpool.tank/open secret"), "{all:?}");
    assert!(all.iter().all(|step| ["import", "open", "mount"].iter().any(|word| step.contains(word))), "{all:?}");
    assert_eq!(state(&wish, &world.all).0, before.0);
}

/// A cut between making a filesystem and its snapshot leaves the note that it is to be taken: before anything is mounted.
#[test]
fn an_empty_snapshot_is_taken_once_while_nothing_is_mounted() {
    let (wish, mut world) = made("mirror", 2);
    let note = |world: &mut World, text: Option<&str>| {
        let home = world.all.pools[0].datasets.iter_mut().find(|it| it.path == "home").unwrap();
        home.properties.remove("homehive:empty");
        home.properties.extend(text.map(|text| ("homehive:empty".to_owned(), text.to_owned())));
    };
    note(&mut world, Some("pending"));
    unmount(&mut world);
    let plan = look(&wish, &world);
    let taken = plan.steps.iter().position(|step| step.id.0 == "zpool.tank/snapshot home").unwrap();
    let mounted = plan.steps.iter().position(|step| step.describe().contains("/mnt/home")).unwrap();
    assert!(taken < mounted, "{}", plan.to_text());
    assert_eq!(plan.steps[taken].describe(), "take the empty snapshot tank/home@fresh");
    world.converge(&wish, Consent::default());
    assert!(look(&wish, &world).is_empty());
    // Of what was there before it was declared there is none, nor of one that somebody has mounted since.
    for text in [None, Some("@other"), Some("pending")] {
        note(&mut world, text);
        world.all.pools[0].datasets.iter_mut().find(|it| it.path == "home").unwrap().mounts = vec!["/home".into()];
        let plan = look(&wish, &world);
        assert!(plan.steps.is_empty(), "{}", plan.to_text());
        assert!(plan.notes.iter().any(|note| note.text.contains("zfs snapshot tank/home@fresh")), "{}", plan.to_text());
    }
}

/// What is adopted is as declared, and what a reinstall makes of it is still the fleet's, though ZFS chose another GUID for it.
#[test]
fn a_pool_of_another_fleet_is_adopted_and_made_anew() {
    let (_, mut world) = made("raidz1", 3);
    let text = tree("raidz1", 3, REST);
    let own = |text: &str| Wish::new(&storage(text), identity::namespace("another", "nas"));
    let found = adopt(&storage(&text), &Path::root(), &own(&text), &world.seen());
    assert_eq!(found.strange, []);
    let keys = found.identities.iter().filter(|it| it.node.as_str() == "zpool.tank").map(|it| it.at.to_string());
    assert_eq!(keys.collect::<Vec<_>>(), ["zpool.tank.guid", "zpool.tank.host_id"]);
    let texts: Vec<_> = found.identities.into_iter().map(|it| (it.at, it.uuid)).collect();
    let text = edit(&text, Format::Toml, &texts).unwrap();
    let wish = own(&text);
    let plan = look(&wish, &world);
    assert!(plan.is_empty() && plan.refusals.is_empty(), "{}", plan.to_text());

    world.reboot();
    world.converge(&wish, Consent::default());
    unmount(&mut world);
    let consent = Consent { reinstall: true, ..Consent::default() };
    world.converge(&wish, consent);
    assert_eq!(
        world.all.pools[0].mark(),
        wish.node(&"zpool.tank".into()).unwrap().kind.pool().map(|it| it.mark.as_str())
    );
    let plan = look(&wish, &world);
    assert!(plan.is_empty() && plan.refusals.is_empty(), "{}", plan.to_text());
}

#[test]
fn a_pool_of_another_fleet_is_left_alone() {
    let (_, mut world) = made("mirror", 2);
    for pool in &mut world.all.pools {
        pool.properties.insert("comment".into(), "another".into());
    }
    let other = |world: &mut World| {
        for device in &mut world.all.devices {
            if let Content::PoolMember { mark, .. } = &mut device.content {
                *mark = Some("another".into());
            }
        }
    };
    other(&mut world);
    let wish = wish(&tree("mirror", 2, REST));
    for reboot in [false, true] {
        if reboot {
            world.reboot();
        }
        let plan = look(&wish, &world);
        assert!(plan.steps.is_empty() && plan.refusals.len() == 2, "{}", plan.to_text());
        assert!(plan.refusals.iter().all(|refusal| refusal.remedy.contains("--wipe disk.d")), "{}", plan.to_text());
    }
}

#[test]
fn wiping_a_device_of_a_pool_wants_all_of_it_named() {
    let (wish, mut world) = made("mirror", 2);
    unmount(&mut world);
    let ask = |nodes: &[&str]| {
        let wipe = nodes.iter().map(|node| NodeId::from(*node)).collect();
        plan(&wish, &world.seen(), &Consent { wipe, ..Consent::default() })
    };
    let one = ask(&["disk.d0.zfs"]);
    let why = |plan: &Plan| plan.refusals.iter().map(|it| it.reason.clone()).collect::<Vec<_>>().join("; ");
    assert!(why(&one).contains("other devices of which are not named"), "{}", one.to_text());
    let all = ask(&["zpool.tank"]);
    assert_eq!(all.refusals, [], "{}", all.to_text());
    let lost = all.destroyed();
    for node in ["zpool.tank", "zpool.tank.swap", "zpool.tank.secret/disk", "disk.d0.zfs", "disk.d1.zfs"] {
        assert!(lost.contains(&NodeId::from(node)), "{node}: {lost:?}");
    }
    let wipe = all.steps[0].commands();
    assert_eq!(wipe[0].to_string(), "zpool destroy -f tank");
    assert!(all.steps.iter().any(|step| step.id.0 == "zpool.tank/create"), "{}", all.to_text());
    // The kernel may give a volume that is made anew another number.
    for plan in [all, look(&wish, &world)] {
        assert_eq!(plan.device_paths(&wish, &world.seen())[&"zpool.tank.swap".into()], "/dev/zvol/tank/swap");
    }
}

/// ZFS says that the pool is busy, and nothing is gained by trying.
#[test]
fn a_pool_is_not_destroyed_below_what_stands_on_its_volumes() {
    let (wish, mut world) = made("mirror", 2);
    unmount(&mut world);
    let volume = world.all.devices.iter().find(|device| device.path.starts_with("/dev/zd")).unwrap().name.clone();
    let mut part = world.all.devices.iter().find(|device| device.partition.is_some()).unwrap().clone();
    (part.name, part.path, part.content, part.parents) =
        ("zdp1".into(), "/dev/zdp1".into(), Content::Blank, vec![volume]);
    let mut open = disk("dm-7", "S7", GIB);
    open.parents = vec![part.name.clone()];
    let consent = Consent { wipe: ["zpool.tank".into()].into(), ..Consent::default() };
    // A partition alone, as of a guest's disk, holds nothing.
    world.all.devices.push(part);
    let destroyed = plan(&wish, &world.seen(), &consent);
    assert!(destroyed.destroyed().contains(&"zpool.tank".into()), "{}", destroyed.to_text());
    world.all.devices.push(open);
    let refused = plan(&wish, &world.seen(), &consent);
    assert!(refused.destroyed().is_empty(), "{}", refused.to_text());
    assert!(refused.refusals.iter().any(|it| it.reason.contains("/dev/dm-7 stands on /dev/zvol/tank/")), "{refused:?}");
}

/// ZFS takes the devices of volumes away then, and gives them other numbers.
#[test]
fn what_renumbers_volumes_is_for_a_person() {
    let (_, world) = made("mirror", 2);
    let other = wish(&tree("mirror", 2, &REST.replace("\"zstd\"", "\"zstd\", volmode = \"dev\"")));
    let plan = look(&other, &world);
    assert!(plan.refusals[0].remedy.contains("zfs set volmode=dev tank"), "{}", plan.to_text());
}

#[test]
fn a_reinstall_makes_it_anew_unless_it_is_persistent() {
    for (said, anew) in [("", true), ("persistent = true\n", false)] {
        let wish = wish(&tree("mirror", 2, &format!("{said}{REST}")));
        let mut world = world(2);
        world.converge(&wish, Consent::default());
        for exported in [true, false] {
            world.reboot();
            if !exported {
                world.exported.clear();
            }
            let first = plan(&wish, &world.seen(), &Consent { reinstall: true, ..Consent::default() });
            assert_eq!(first.refusals, [], "{}", first.to_text());
            assert_eq!(!first.destroyed().is_empty(), anew, "{}", first.to_text());
            let consent = Consent { reinstall: true, ..Consent::default() };
            let plans = world.converge(&wish, consent);
            assert_eq!(plans.iter().any(|plan| plan.destroyed().contains(&"zpool.tank".into())), anew);
            assert!(look(&wish, &world).is_empty());
        }
    }
}

proptest! {
    #![proptest_config(config())]

    /// Cut after any step of any look, with or without a reboot: the next runs reach the same end, and there is nothing to do.
    #[test]
    fn pools_are_made_whatever_happens(mode in prop::sample::select(vec![("", 1), ("", 3), ("mirror", 2), ("raidz1", 3), ("raidz3", 5)]), at in 0_usize..24, looks in 0_usize..3, reboot in any::<bool>()) {
        let wish = wish(&tree(mode.0, mode.1, REST));
        let mut whole = world(mode.1);
        whole.converge(&wish, Consent::default());
        prop_assert!(look(&wish, &whole).is_empty());
        let mut cut = world(mode.1);
        for _ in 0..looks {
            for step in &look(&wish, &cut).steps {
                cut.apply(&wish, step);
            }
        }
        for step in look(&wish, &cut).steps.iter().take(at) {
            cut.apply(&wish, step);
        }
        if reboot {
            cut.reboot();
        }
        let plans = cut.converge(&wish, Consent::default());
        prop_assert!(plans.iter().all(|plan| plan.destroyed().is_empty()));
        prop_assert_eq!(state(&wish, &cut.all).0, state(&wish, &whole.all).0);
        prop_assert!(look(&wish, &cut).is_empty());
    }

    /// Volumes grow and never shrink; properties are set once.
    #[test]
    fn volumes_grow_and_properties_follow(was in 1_u64..8, is in 1_u64..8, compression in prop::sample::select(vec!["zstd", "lz4"])) {
        let text = |size: u64, word: &str| {
            tree("mirror", 2, &format!("properties = {{ compression = \"{word}\" }}\n[zpool.tank.datasets.v]\nsize = \"{size}GiB\"\ncontent = {{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/v\" }}\n"))
        };
        let mut world = world(2);
        world.converge(&wish(&text(was, "zstd")), Consent::default());
        let next = wish(&text(is, compression));
        let first = look(&next, &world);
        prop_assert_eq!(first.refusals.len(), usize::from(is < was), "{}", first.to_text());
        if is >= was {
            prop_assert!(first.steps.iter().all(|step| matches!(step.risk, Risk::Grows | Risk::None)));
            world.converge(&next, Consent::default());
            prop_assert!(look(&next, &world).is_empty());
            prop_assert_eq!(&world.all.pools[0].datasets[0].properties["compression"], compression);
        }
    }
}
