//! Stand-in systems: each machine's data from the fleet, and its closure from the distribution's packages.

use super::Order;
use crate::failure::Failure;
use crate::labs;
use fleet::{HostName, Loader};
use payload::{Closure, System, Workshop};
use std::collections::BTreeMap;
use storage::plan::Sight;
use storage::wish::{Holds, Kind, Node};
use storage::{NodeId, Wish, identity};

/// Builds the stand-ins of an order, one after another: each keeps the processors busy by itself.
pub async fn build(order: &Order<'_>) -> Result<BTreeMap<HostName, Closure>, Failure> {
    let packages = match order.packages {
        Some(packages) => packages.to_owned(),
        None => labs::image(&order.loaded.fleet, order.story).await?.packages(),
    };
    let workshop = Workshop { packages, dir: order.loaded.dir().join(".homehive/closures") };
    let mut closures = BTreeMap::new();
    for name in order.machines {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::failed(format!("{name}: no system closure"), error, format!("mend that, then {}", order.again))
        };
        let system = system(order, name)?;
        order.story.stage(name.to_string(), "builds the system closure");
        let built = payload::build(&system, &workshop, |_| ()).await;
        let closure = built.map_err(|error| failed(&error))?;
        order.built(name, &closure);
        closures.insert(name.clone(), closure);
    }
    Ok(closures)
}

/// What the system is made from: the fleet, and what its boot disk is called on this machine.
fn system(order: &Order<'_>, name: &HostName) -> Result<System, Failure> {
    let fleet = &order.loaded.fleet;
    let (Some(declared), Some(wish)) = (fleet.machines.get(name), fleet.wish(name)) else {
        return Err(Failure::Bug(format!("`{name}` is in no fleet")));
    };
    for mount in wish.mounts.iter().filter(|mount| !mount.options.iter().any(|option| option == "nofail")) {
        if let Some((crypt, _)) = wish.crypts_of(&mount.node).first() {
            return Err(Failure::Refused(format!(
                "{name}: the stand-in opens no LUKS, and {} lies in {crypt}; nothing was done\n  take the real system \
                 (--payload nixos), or rehearse the disks alone: homehive --lab disks apply {name}",
                mount.path
            )));
        }
    }
    for node in left_out(&wish) {
        order.story.note(
            name.to_string(),
            format!("the stand-in has nothing to encrypt with, and leaves out the swap space of {node}"),
        );
    }
    let mut grub_devices = Vec::new();
    if let Some(Loader::Bios(disks)) = declared.loader(&wish) {
        let sight = order.facts.get(name).map(|facts| Sight::new(&wish, facts));
        for disk in disks {
            let missing = || Failure::Failed(format!("{name}: {disk}, the boot disk, is not there"));
            grub_devices.push(device(&wish, sight.as_ref(), &disk).ok_or_else(missing)?);
        }
    }
    let arrays = wish.nodes.iter().filter_map(|node| match &node.kind {
        Kind::Array(array) => Some(payload::Array { name: array.name.to_string(), uuid: identity::md(array.uuid) }),
        _ => None,
    });
    let groups = wish.nodes.iter().filter_map(|node| match &node.kind {
        Kind::Group(group) => Some(group.name.to_string()),
        _ => None,
    });
    let mounts = wish.mounts.iter().map(|mount| payload::Mount {
        uuid: mount.uuid.clone(),
        format: mount.format.to_string(),
        path: mount.path.clone(),
        options: mount.options.clone(),
    });
    let nodev = wish.nodev.iter().map(|nodev| payload::Nodev {
        device: nodev.device.clone(),
        format: nodev.fstype.clone(),
        path: nodev.path.clone(),
        options: nodev.options.clone(),
    });
    let swaps = wish.nodes.iter().filter_map(|node| match &node.holds {
        Some(Holds::Swap(swap)) if !swap.random => Some(payload::Swap { uuid: swap.uuid.to_string() }),
        _ => None,
    });
    Ok(System {
        hostname: name.to_string(),
        user: fleet.admin.user.to_string(),
        keys: fleet.admin.keys.iter().map(ToString::to_string).collect(),
        address: declared.address,
        prefix: fleet.network.subnet.prefix(),
        gateway: fleet.network.gateway,
        arrays: arrays.collect(),
        volume_groups: groups.collect(),
        mounts: mounts.collect(),
        nodev: nodev.collect(),
        swaps: swaps.collect(),
        grub_devices,
        // The lab reads the first serial line and joins a person to the second.
        kernel_params: ["console=ttyS0", "debug_shell=ttyS1"].map(str::to_owned).to_vec(),
        label: fleet.about.name.to_string(),
        variant: order.loaded.variant,
    })
}

/// Swap space with a random key.
fn left_out(wish: &Wish) -> impl Iterator<Item = &NodeId> {
    let random = |node: &&Node| matches!(&node.holds, Some(Holds::Swap(swap)) if swap.random);
    wish.nodes.iter().filter(random).map(|node| &node.id)
}

/// Where a disk is found at every boot: by the link that the fleet names, else by one that the probe saw.
fn device(wish: &Wish, sight: Option<&Sight<'_>>, disk: &NodeId) -> Option<String> {
    let by_id = |link: &&String| link.starts_with("/dev/disk/by-id/");
    let declared = wish.node(disk).and_then(|Node { kind, .. }| match kind {
        Kind::Disk(disk) => disk.device.as_ref(),
        _ => None,
    });
    let seen = || {
        let device = sight?.device(disk)?;
        Some(device.links.iter().find(by_id).unwrap_or(&device.path).clone())
    };
    // Seen first: a machine whose disk is not there is found out before anything is built.
    if sight.is_some() { seen() } else { declared.filter(by_id).cloned() }
}

#[cfg(test)]
mod tests {
    use super::left_out;
    use fleet::{Fleet, Format};

    #[test]
    fn what_is_left_out_is_told() {
        let text = include_str!("../../../../examples/layouts/swap.toml");
        let fleet = Fleet::parse(text, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
        let wish = fleet.wish(fleet.machines.keys().next().unwrap()).unwrap();
        let told: Vec<&str> = left_out(&wish).map(storage::NodeId::as_str).collect();
        assert_eq!(told, ["disk.main.secret"]);
    }
}
