//! Installing a machine from its medium: closure, disks, system, host key, boot loader. Each phase begins with a look, so
//! that a second installation goes on where the first was cut.

use crate::args::Payload;
use crate::converge::{Converged, Ground};
use crate::failure::Failure;
use crate::hostkeys::{HostKeys, reveal};
use crate::load::Loaded;
use crate::reach;
use crate::verbs;
use cmd::Cmd;
use fleet::{HostName, Loader};
use machine::install::Target;
use machine::{Machine, Story};
use payload::{Closure, System, Workshop};
use std::path::PathBuf;
use storage::plan::{Consent, Sight};
use storage::wish::{Holds, Kind};
use storage::{Wish, identity};

/// What is to be installed where.
#[derive(Debug)]
pub struct Job<'a> {
    /// Where events go.
    pub story: &'a Story,
    /// The fleet.
    pub loaded: &'a Loaded,
    /// The machine's name.
    pub name: &'a HostName,
    /// The machine, booted from the medium.
    pub machine: &'a Machine,
    /// What may be destroyed.
    pub consent: Consent,
    /// What is installed.
    pub payload: Payload,
    /// The package tree for the stand-in; the lab's image has it.
    pub packages: Option<PathBuf>,
    /// The command that goes on with the installation once a failure's reason is mended.
    pub again: &'a str,
}

/// What was installed.
#[derive(Debug)]
pub struct Installed {
    /// What was done to the disks.
    pub converged: Converged,
    /// The system.
    pub closure: Closure,
}

/// Installs; at the end the machine is still on, the new system is complete, nothing of it is mounted.
pub async fn install(job: Job<'_>) -> Result<Installed, Failure> {
    let again = job.again;
    let failed = |doing: &str, error: &dyn std::fmt::Display| {
        Failure::failed(format!("{}: {doing}", job.name), error, format!("mend that, then {again}"))
    };
    let name = job.name.to_string();
    // Everything that can fail without touching the machine comes before anything that touches it.
    let wish = verbs::wish(job.loaded, job.name)?;
    let facts = job.machine.look().await.map_err(|error| failed("what its disks hold", &error))?;
    let system = system(&job, &wish, &Sight::new(&wish, &facts))?;
    let closure = closure(&job, &system).await?;
    let keys = HostKeys::of(&job.loaded.dir());
    let admins: Vec<String> = job.loaded.fleet.admin.keys.iter().map(ToString::to_string).collect();
    let key = |error: crate::hostkeys::KeyError| failed("its host key", &error);
    keys.ensure(&name, admins.iter().map(String::as_str)).map_err(key)?;
    let secret = keys.secret(&name, &reach::unlocking(job.loaded)?).map_err(key)?;

    let journal = verbs::journal(job.loaded, job.name)?;
    let ground = Ground {
        machine: job.machine,
        wish: &wish,
        consent: job.consent.clone(),
        journal: &journal,
        story: job.story,
        approved: None,
        until: None,
    };
    job.story.stage(&name, "prepares its disks");
    let converged = ground.converge().await.map_err(|error| error.failure(again))?;
    let facts = job.machine.look().await.map_err(|error| failed("what its disks hold now", &error))?;
    let rest = rest(&wish, &Sight::new(&wish, &facts));
    let copied = machine::install::Closure {
        system: closure.path.to_string(),
        paths: closure.paths.iter().map(ToString::to_string).collect(),
        size: closure.size,
    };
    let target = Target { root: "/mnt", host_key: reveal(&secret), rest: &rest };
    machine::install::install(job.machine, &copied, &target, job.story)
        .await
        .map_err(|error| failed("not installed, and not rebooted", &error))?;
    Ok(Installed { converged, closure })
}

/// What the system is made from: the fleet, and what its boot disk is called on this machine.
fn system(job: &Job<'_>, wish: &Wish, sight: &Sight<'_>) -> Result<System, Failure> {
    let fleet = &job.loaded.fleet;
    let Some(declared) = fleet.machines.get(job.name) else {
        return Err(Failure::Bug(format!("`{}` is in no fleet", job.name)));
    };
    let mut grub_devices = Vec::new();
    if let Some(Loader::Bios(disks)) = declared.loader(wish) {
        for disk in disks {
            let device =
                sight.device(&disk).ok_or_else(|| Failure::Failed(format!("{disk}, the boot disk, is not there")))?;
            let link = device.links.iter().find(|link| link.starts_with("/dev/disk/by-id/"));
            grub_devices.push(link.unwrap_or(&device.path).clone());
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
    let swaps = wish.nodes.iter().filter_map(|node| match &node.holds {
        Some(Holds::Swap { uuid }) => Some(payload::Swap { uuid: uuid.to_string() }),
        _ => None,
    });
    Ok(System {
        hostname: job.name.to_string(),
        user: fleet.admin.user.to_string(),
        keys: fleet.admin.keys.iter().map(ToString::to_string).collect(),
        address: declared.address,
        prefix: fleet.network.subnet.prefix(),
        gateway: fleet.network.gateway,
        arrays: arrays.collect(),
        volume_groups: groups.collect(),
        mounts: mounts.collect(),
        swaps: swaps.collect(),
        grub_devices,
        kernel_params: match job.payload {
            Payload::Nixos => Vec::new(),
            // The lab reads the first serial line and joins a person to the second.
            Payload::StandIn => ["console=ttyS0", "debug_shell=ttyS1"].map(str::to_owned).to_vec(),
        },
        label: fleet.about.name.to_string(),
    })
}

/// Builds the closure, or finds that nothing has changed.
async fn closure(job: &Job<'_>, system: &System) -> Result<Closure, Failure> {
    let name = job.name.to_string();
    job.story.stage(&name, "builds the system closure");
    let kind = match job.payload {
        Payload::Nixos => payload::Payload::Nixos,
        Payload::StandIn => payload::Payload::StandIn,
    };
    let workshop = Workshop {
        packages: job.packages.clone().unwrap_or_default(),
        dir: job.loaded.dir().join(".homehive/closures"),
    };
    let (story, about) = (job.story.clone(), name.clone());
    let told = move |event| {
        if let payload::Event::Built(closure) = event {
            let size = storage::Size(closure.size);
            story.note(&about, format!("closure of {} paths, {size}: {}", closure.paths.len(), closure.path));
        }
    };
    payload::build(kind, system, &workshop, told).await.map_err(|error| {
        Failure::failed(format!("{name}: no system closure"), error, format!("mend that, then {}", job.again))
    })
}

/// Words that put groups and arrays to rest, what lies on top first. An array that udev has started may have no name of
/// its own, so it goes by what it is called today.
fn rest(wish: &Wish, sight: &Sight<'_>) -> Vec<Cmd> {
    let words = wish.nodes.iter().rev().filter_map(|node| match &node.kind {
        Kind::Group(group) => Some(Cmd::new("vgchange").args(["--quiet", "--activate", "n", group.name.as_ref()])),
        Kind::Array(_) => {
            sight.device(&node.id).map(|device| Cmd::new("mdadm").args(["--quiet", "--stop", device.path.as_str()]))
        }
        Kind::Disk(_) | Kind::Partition(_) | Kind::Volume(_) => None,
    });
    words.collect()
}
