//! Installing a machine from its medium: closure, disks, system, host key, boot loader. Each phase begins with a look, so
//! that a second installation goes on where the first was cut.

use crate::args::Payload;
use crate::building::{self, Order};
use crate::converge::{Converged, Ground};
use crate::failure::Failure;
use crate::hostkeys::{HostKeys, reveal};
use crate::load::Loaded;
use crate::reach;
use crate::verbs;
use cmd::Cmd;
use fleet::HostName;
use machine::install::Target;
use machine::{Machine, Story};
use payload::Closure;
use std::collections::BTreeMap;
use std::path::PathBuf;
use storage::Wish;
use storage::plan::{Consent, Sight};
use storage::wish::Kind;

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
    /// The package tree for the stand-in; that of the lab's image if none is said.
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
    let facts = BTreeMap::from([(job.name.clone(), facts)]);
    let order = Order {
        story: job.story,
        loaded: job.loaded,
        machines: std::slice::from_ref(job.name),
        payload: job.payload,
        facts: &facts,
        packages: job.packages.as_deref(),
        again,
    };
    let closure = building::build(&order).await?.remove(job.name);
    let closure = closure.ok_or_else(|| Failure::Bug(format!("no closure of `{}` was built", job.name)))?;
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
    let copied = machine::copy::Closure {
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
