//! Devices of pools: they join, take places, are filled, and are missing.

use super::super::world::disk;
use super::{GIB, REST, World, look, made, steps, tree};
use crate::common::wish;
use storage::plan::{Action, Consent, PoolAction};

#[test]
fn devices_join_and_take_places() {
    // A third disk for the mirror, a cache, a further mirror.
    let (_, mut world) = made("mirror", 2);
    world.all.devices.extend((2..6).map(|at| disk(&format!("sd{at}"), &format!("S{at}"), 8 * GIB)));
    let three = wish(&tree("mirror", 3, REST));
    let plans = world.converge(&three, Consent::default());
    assert!(plans.iter().flat_map(steps).any(|step| step == "zpool.tank/attach disk.d2.zfs"));
    assert_eq!(world.all.pools[0].vdevs[0].members.len(), 3);
    let lists =
        "cache = [\"disk.d3.zfs\"]\nvdev = [{ mode = \"mirror\", members = [\"disk.d4.zfs\", \"disk.d5.zfs\"] }]\n";
    let more = wish(&tree("mirror", 6, &format!("{lists}{REST}")));
    let plans = world.converge(&more, Consent::default());
    assert!(plans.iter().flat_map(steps).any(|step| step == "zpool.tank/add"));
    assert_eq!(world.all.pools[0].vdevs.len(), 3);
    assert!(look(&more, &world).is_empty());
    assert!(plans.iter().all(|plan| plan.destroyed().is_empty()));
    // So is that of a device that stands alone: it is no further one, which could not be taken out again.
    let (_, mut world) = made("", 1);
    world.all.devices.push(disk("sd9", "S9", 8 * GIB));
    let other = wish(&tree("", 1, REST).replace("\"S0\"", "\"S9\""));
    let plans = world.converge(&other, Consent::default());
    let all: Vec<&str> = plans.iter().flat_map(steps).collect();
    assert!(all.contains(&"zpool.tank/replace disk.d0.zfs") && !all.contains(&"zpool.tank/add"), "{all:?}");
    assert!(look(&other, &world).is_empty());
    // A disk of RAID-Z is another one now: its place is taken; and a further one has none.
    let (_, mut world) = made("raidz1", 3);
    world.all.devices.push(disk("sd9", "S9", 8 * GIB));
    let other = wish(&tree("raidz1", 3, REST).replace("\"S1\"", "\"S9\""));
    let plans = world.converge(&other, Consent::default());
    assert!(plans.iter().flat_map(steps).any(|step| step == "zpool.tank/replace disk.d1.zfs"));
    assert!(look(&other, &world).is_empty());
    world.all.devices.push(disk("sd8", "S3", 8 * GIB));
    let four = wish(&tree("raidz1", 4, REST).replace("\"S1\"", "\"S9\""));
    for step in &look(&four, &world).steps {
        world.apply(&four, step);
    }
    let refused = look(&four, &world);
    assert!(refused.refusals[0].reason.contains("cannot join a vdev of raidz1"), "{}", refused.to_text());
}

/// The pool attaches nothing to what is being filled, and does not know any more what gave its place away.
#[test]
fn devices_that_come_and_go_are_left_to_that() {
    let (_, mut world) = made("mirror", 2);
    world.all.devices.extend((2..4).map(|at| disk(&format!("sd{at}"), &format!("S{at}"), 8 * GIB)));
    let members: Vec<String> = world.all.pools[0].vdevs[0].members.iter().map(|member| member.name.clone()).collect();
    let three = wish(&tree("mirror", 3, REST));
    let attached = |world: &World| {
        let plan = look(&three, world);
        assert_eq!(plan.refusals, [], "{}", plan.to_text());
        plan.steps.iter().find_map(|step| match &step.what {
            Action::Pool(PoolAction::Attach { to, .. }) => Some(to.clone()),
            _ => None,
        })
    };
    for name in [Some(members[1].clone()), None] {
        let filled = world.all.pools[0].vdevs[0].members.iter_mut().find(|member| !member.replacing).unwrap();
        filled.replacing = true;
        assert_eq!(attached(&world), name);
    }
    // RAID-Z takes none, then or ever.
    let (_, mut world) = made("raidz1", 3);
    world.all.devices.push(disk("sd3", "S3", 8 * GIB));
    world.all.pools[0].vdevs[0].members.iter_mut().for_each(|member| member.replacing = true);
    let refused = look(&wish(&tree("raidz1", 4, REST)), &world);
    assert!(refused.notes.is_empty() && refused.refusals.len() == 1, "{}", refused.to_text());
    assert!(refused.refusals[0].reason.contains("cannot join a vdev of raidz1"), "{}", refused.to_text());

    let (_, mut world) = made("mirror", 2);
    world.all.devices.push(disk("sd9", "S9", 8 * GIB));
    world.all.pools[0].properties.insert("expandsize".into(), "1073741824".into());
    let other = wish(&tree("mirror", 2, REST).replace("\"S1\"", "\"S9\""));
    let seen = look(&other, &world);
    let expanded = seen.steps.iter().find_map(|step| match &step.what {
        Action::Pool(PoolAction::Expand { members, .. }) => Some(members.clone()),
        _ => None,
    });
    assert_eq!(expanded.map(|members| members.len()), Some(1), "{}", seen.to_text());
}

/// What is declared and not there may come back: nothing takes its place, and too little of a vdev is not imported.
#[test]
fn what_is_missing_is_done_without_or_said() {
    let (wish, mut world) = made("mirror", 2);
    let away = |world: &mut World, disk: &str| {
        world.all.devices.retain(|device| device.name != disk && !device.parents.contains(&disk.to_owned()));
        for member in world.all.pools.iter_mut().flat_map(|pool| &mut pool.vdevs).flat_map(|vdev| &mut vdev.members) {
            if member.device.as_deref() == Some(&format!("{disk}p1")) {
                (member.device, member.state) = (None, "UNAVAIL".into());
            }
        }
    };
    world.reboot();
    // Volumes lie on all devices of their pool; those that are there are enough.
    for device in &mut world.all.devices {
        if device.path.starts_with("/dev/zd") {
            device.parents.retain(|parent| parent != "sd1p1");
        }
    }
    away(&mut world, "sd1");
    let first = look(&wish, &world);
    assert_eq!(first.refusals, [], "{}", first.to_text());
    assert!(first.notes.iter().any(|note| note.text.contains("does without")), "{}", first.to_text());
    world.converge(&wish, Consent::default());
    world.reboot();
    away(&mut world, "sd0");
    let none = look(&wish, &world);
    assert!(none.steps.is_empty() && none.refusals[0].reason.contains("cannot be made without"), "{}", none.to_text());
}
