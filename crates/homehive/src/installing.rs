//! Installing a machine from its medium: closure, disks, system, host key, boot loader. Each phase begins with a look, so
//! that a second installation goes on where the first was cut.

use crate::args::{Payload, Phase};
use crate::building::{self, Order};
use crate::converge::{Converged, Ground, refusals};
use crate::failure::Failure;
use crate::hostkeys::{HostKeys, reveal};
use crate::keyring::Keyring;
use crate::load::Loaded;
use crate::reach;
use crate::verbs;
use cmd::Cmd;
use fleet::HostName;
use machine::install::{self, Target};
use machine::{Machine, Records, Story};
use payload::Closure;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use storage::Wish;
use storage::facts::Facts;
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
    /// Stop behind this phase.
    pub until: Phase,
    /// Can anybody be asked for passphrases?
    pub ask: bool,
}

/// What was installed.
#[derive(Debug)]
pub struct Installed {
    /// What was done to the disks.
    pub converged: Converged,
    /// The system.
    pub closure: Closure,
    /// Is it whole? Not if it was to stop before.
    pub whole: bool,
}

/// What the machine's own work takes beside what goes to its disks: Nix's database and GRUB's installer.
const LEAST: u64 = 128 << 20;

/// Installs, as far as `until` says; at the end of the last phase the machine is still on, the new system is complete,
/// nothing of it is mounted.
pub async fn install(job: Job<'_>) -> Result<Installed, Failure> {
    let again = job.again;
    let failed = |doing: &str, error: &dyn std::fmt::Display| {
        Failure::failed(format!("{}: {doing}", job.name), error, format!("mend that, then {again}"))
    };
    let name = job.name.to_string();
    let stage =
        |phase: Phase, text: &str| job.story.stage(&name, format!("phase {} of 5, {phase}: {text}", phase.number()));
    // Everything that can fail without touching the machine comes before anything that touches it.
    stage(Phase::Probe, "looks at the machine, builds its system");
    let wish = verbs::wish(job.loaded, job.name)?;
    let journal = verbs::journal(job.loaded, job.name)?;
    let mut ground = Ground {
        machine: job.machine,
        wish: &wish,
        consent: job.consent.clone(),
        keyring: Keyring::new(job.loaded, job.ask),
        records: Records { journal: &journal, shelf: &verbs::shelf(job.loaded, job.name) },
        story: job.story,
        approved: None,
        lock: None,
        until: None,
    };
    let (facts, plan) = ground.look().await.map_err(|error| failed("what its disks hold", &error))?;
    memory(job.machine, job.story).await?;
    if job.until != Phase::Probe {
        if !plan.refusals.is_empty() {
            return Err(Failure::Refused(refusals(&plan, 0)));
        }
        ground.keyring.fill(&wish, &plan)?;
    }
    let closure = build(&job, facts).await?;
    let system = closure.path.to_string();
    let keys = HostKeys::of(&job.loaded.dir());
    let admins: Vec<String> = job.loaded.fleet.admin.keys.iter().map(ToString::to_string).collect();
    let key = |error: crate::hostkeys::KeyError| failed("its host key", &error);
    let public = keys.ensure(&name, admins.iter().map(String::as_str)).map_err(key)?;
    let secret = keys.secret(&name, &reach::unlocking(job.loaded)?).map_err(key)?;
    if job.until == Phase::Probe {
        let converged = Converged { rounds: Vec::new(), last: plan, stopped: true };
        return Ok(Installed { converged, closure, whole: false });
    }

    // From the first write to the last: nobody else's plan is to run below an installation.
    let lock = verbs::lock(job.machine, "install", job.story, again).await?;
    stage(Phase::Disks, "prepares its disks");
    let converged = Ground { lock: Some(&lock), ..ground }.converge().await.map_err(|error| error.failure(again))?;
    if job.until == Phase::Disks {
        return Ok(Installed { converged, closure, whole: false });
    }
    let not = |error: &dyn std::fmt::Display| failed("not installed, and not rebooted", error);
    let facts = job.machine.look().await.map_err(|error| failed("what its disks hold now", &error))?;
    let rest = rest(&wish, &facts, &Sight::new(&wish, &facts));
    let target = Target { root: "/mnt", host_key: reveal(&secret), host_public: &public, rest: &rest };
    let found = install::look(job.machine, target.root).await.map_err(|error| not(&error))?;

    stage(Phase::Copy, "copies the system to its disks");
    copy(&job, &closure, target.root).await?;
    if job.until == Phase::Copy {
        return Ok(Installed { converged, closure, whole: false });
    }
    if found.is_whole(&system, &public) {
        job.story.note(&name, "profile, host key and boot loader are there already: nothing of them is done again");
    } else {
        stage(Phase::Activate, "sets the profile, places the host key, activates");
        if job.payload == Payload::Nixos {
            record_release(&job, &closure)?;
        }
        install::activate(job.machine, &system, &target, &found, job.story).await.map_err(|error| not(&error))?;
        if job.until == Phase::Activate {
            return Ok(Installed { converged, closure, whole: false });
        }
        stage(Phase::Boot, "installs the boot loader, unmounts");
        install::boot(job.machine, &target, job.story).await.map_err(|error| not(&error))?;
    }
    if job.until == Phase::Activate {
        return Ok(Installed { converged, closure, whole: false });
    }
    install::close(job.machine, &target, job.story).await.map_err(|error| not(&error))?;
    lock.release().await;
    Ok(Installed { converged, closure, whole: true })
}

/// The machine's own system, built.
pub async fn build(job: &Job<'_>, facts: Facts) -> Result<Closure, Failure> {
    let facts = BTreeMap::from([(job.name.clone(), facts)]);
    let order = Order {
        story: job.story,
        loaded: job.loaded,
        machines: std::slice::from_ref(job.name),
        payload: job.payload,
        facts: &facts,
        packages: job.packages.as_deref(),
        again: job.again,
    };
    let closure = building::build(&order).await?.remove(job.name);
    closure.ok_or_else(|| Failure::Bug(format!("no closure of `{}` was built", job.name)))
}

/// Copies what the store on the machine's disks lacks of the closure.
async fn copy(job: &Job<'_>, closure: &Closure, root: &str) -> Result<(), Failure> {
    let whole = machine::copy::Closure {
        system: closure.path.to_string(),
        paths: closure.paths.iter().map(ToString::to_string).collect(),
        size: closure.size,
    };
    let copied =
        machine::copy::copy_one(machine::copy::Target { machine: job.machine, root, closure: &whole }, job.story).await;
    copied.map(drop).map_err(|error| {
        let next = format!("mend that, then {}", job.again);
        Failure::failed(format!("{}: not installed, and not rebooted", job.name), error, next)
    })
}

/// Refuses a machine whose memory is used up: the closure goes to its disks, but the work itself takes some.
async fn memory(machine: &Machine, story: &Story) -> Result<(), Failure> {
    let asked = machine.run(&Cmd::new("cat").arg("/proc/meminfo"), Duration::from_secs(30)).await;
    let text = asked.map_err(|error| Failure::Failed(format!("{}: its memory: {error}", machine.name())))?.stdout;
    let Some(available) = available(&text) else { return Ok(()) };
    if available < LEAST {
        return Err(Failure::Refused(format!(
            "{}: {} MiB of its memory are free, and installing takes {}; nothing was done\n  stop what runs there, or \
             give it more memory",
            machine.name(),
            available >> 20,
            LEAST >> 20
        )));
    }
    story.note(
        machine.name(),
        format!("{} MiB of memory are free; the system goes to its disks, not there", available >> 20),
    );
    Ok(())
}

/// Bytes that may be had without swapping, as `/proc/meminfo` says it (proc(5), kB).
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Writes down, once and for ever, with which release the machine was first installed: its `system.stateVersion`.
fn record_release(job: &Job<'_>, closure: &Closure) -> Result<(), Failure> {
    let file = job.loaded.dir().join("hosts").join(job.name.to_string()).join("state-version");
    // A fleet that names a revision says no release; the system that was built does.
    let built = || fs::read_to_string(Path::new(&closure.path.to_string()).join("nixos-version")).ok();
    let release = nixos::release(&job.loaded.fleet).or_else(|| built().as_deref().and_then(year_and_month));
    let Some(release) = release else { return Ok(()) };
    record(&file, &release).map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))
}

/// `26.05` of `26.05.20260612.abcdef`.
fn year_and_month(version: &str) -> Option<String> {
    let mut parts = version.trim().split('.');
    let (year, month) = (parts.next()?, parts.next()?);
    let digits = |text: &str| text.len() >= 2 && text.bytes().take(2).all(|byte| byte.is_ascii_digit());
    (digits(year) && digits(month)).then(|| format!("{year}.{}", &month[..2]))
}

fn record(file: &Path, release: &str) -> io::Result<()> {
    if file.exists() {
        return Ok(());
    }
    let dir = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let mut fresh = tempfile::NamedTempFile::new_in(dir)?;
    writeln!(fresh, "{release}")?;
    fresh.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    fresh.as_file().sync_all()?;
    match fresh.persist_noclobber(file) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// Words that put groups and arrays to rest, what lies on top first. An array that udev has started may have no name of
/// its own, so it goes by what it is called today.
fn rest(wish: &Wish, facts: &Facts, sight: &Sight<'_>) -> Vec<Cmd> {
    let words = wish.nodes.iter().rev().filter_map(|node| match &node.kind {
        Kind::Group(group) => Some(Cmd::new("vgchange").args(["--quiet", "--activate", "n", group.name.as_ref()])),
        Kind::Array(_) => {
            sight.device(&node.id).map(|device| Cmd::new("mdadm").args(["--quiet", "--stop", device.path.as_str()]))
        }
        Kind::Crypt(_) => {
            sight.device(&node.id).map(|device| Cmd::new("cryptsetup").args(["close", device.path.as_str()]))
        }
        Kind::Pool(pool) => {
            let imported = facts.pools.iter().any(|known| pool.is(known));
            imported.then(|| Cmd::new("zpool").args(["export", pool.name.as_ref()]))
        }
        Kind::Disk(_) | Kind::Partition(_) | Kind::Volume(_) | Kind::Zvol(_) => None,
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::{available, record, year_and_month};

    #[test]
    fn free_memory() {
        let text = "MemTotal:        1508352 kB\nMemFree:  10 kB\nMemAvailable:    1333760 kB\n";
        assert_eq!(available(text), Some(1_333_760 << 10));
        for odd in ["", "MemAvailable:", "MemAvailable: much kB"] {
            assert_eq!(available(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_release_is_recorded_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hosts/nas/state-version");
        record(&file, "26.05").unwrap();
        record(&file, "26.11").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "26.05\n");
        for (version, release) in
            [("26.05.20260612.abcdef", Some("26.05")), ("26.11pre-git", Some("26.11")), ("unstable", None), ("", None)]
        {
            assert_eq!(year_and_month(version).as_deref(), release, "{version}");
        }
    }
}
