//! What both the built-in story and those of users do: install, make disks, verify, write files and look at them again.

use super::stage::{Scenario, Told};
use crate::converge::{Converged, Ground};
use crate::failure::Failure;
use crate::installing::{self, Job};
use crate::keyring::Keyring;
use crate::sealing;
use cmd::Cmd;
use std::time::Duration;
use storage::Wish;
use storage::plan::Consent;
use storage::wish::Kind;
use verify::Outcome;

/// Installs the system from the medium; the machine is still on, with nothing mounted.
pub async fn put_system(s: &mut Scenario<'_>, reinstall: bool) -> Told<()> {
    let loaded = s.loaded()?;
    let packages = s.bench()?.packages().await?;
    let job = Job {
        story: &s.context.story,
        loaded: &loaded,
        name: &s.name,
        machine: s.machine()?,
        consent: Consent { reinstall, ..Consent::default() },
        payload: s.args.payload,
        packages: Some(packages),
        again: "homehive lab run",
        until: crate::args::Phase::Boot,
        ask: sealing::can_ask(&s.context.global),
    };
    let installed = installing::install(job).await?;
    let title = if reinstall { "the reinstallation's disks" } else { "the installation's disks" };
    s.rounds(title, &installed.converged);
    let closure = &installed.closure;
    Ok(((), format!("{} paths, {}: {}", closure.paths.len(), storage::Size(closure.size), closure.path)))
}

/// Brings the disks of the machine to what is declared.
pub async fn converge(s: &mut Scenario<'_>, consent: Consent) -> Result<Converged, Failure> {
    let loaded = s.loaded()?;
    let wish = s.wish()?;
    let journal = crate::verbs::journal(&loaded, &s.name)?;
    let shelf = crate::verbs::shelf(&loaded, &s.name);
    let records = machine::Records { journal: &journal, shelf: &shelf };
    let (machine, story) = (s.machine()?, &s.context.story);
    let keyring = Keyring::new(&loaded, sealing::can_ask(&s.context.global));
    let ground =
        Ground { machine, wish: &wish, consent, keyring, records, story, approved: None, lock: None, until: None };
    ground.converge().await.map_err(|error| error.failure("homehive lab run"))
}

/// Every group that applies passes.
pub async fn verified(s: &mut Scenario<'_>, title: &str) -> Told<()> {
    let groups = s.verify(title, &[], &[]).await?;
    let count = |fits: fn(&Outcome) -> bool| groups.iter().filter(|group| fits(&group.outcome)).count();
    let passed = count(|outcome| *outcome == Outcome::Passed);
    let not_run = count(|outcome| matches!(outcome, Outcome::NotRun { .. }));
    Ok(((), format!("{passed} groups passed, {not_run} not run")))
}

/// Writes so many random bytes to a file, down to the disks, and gives back the hash of what was written.
pub async fn write_known(s: &mut Scenario<'_>, path: &str, bytes: u64) -> Result<String, Failure> {
    let (to, count) = (format!("of={path}"), format!("count={bytes}"));
    let words = ["dd", "if=/dev/urandom", &to, "bs=1M", &count, "iflag=count_bytes,fullblock", "conv=fsync"];
    s.words(&words).await?;
    let hash = read_hash(s, path).await?;
    flush(s).await?;
    Ok(hash)
}

/// The hash of a file.
async fn read_hash(s: &Scenario<'_>, path: &str) -> Result<String, Failure> {
    let said = s.words(&["sha256sum", "--", path]).await?.stdout;
    let hash = said.split_whitespace().next().unwrap_or_default().to_owned();
    if hash.len() == 64 { Ok(hash) } else { Err(Failure::Failed(format!("sha256sum says `{said}`"))) }
}

/// The file has this hash, read from the disks: what the page cache holds proves nothing about them.
pub async fn intact(s: &Scenario<'_>, path: &str, hash: &str) -> Result<(), Failure> {
    let cold = Cmd::new("tee").arg("/proc/sys/vm/drop_caches").input("3");
    let run = s.machine()?.run(&cold, Duration::from_mins(1)).await;
    run.map_err(|error| Failure::Failed(error.to_string()))?;
    let found = read_hash(s, path).await?;
    if found == hash { Ok(()) } else { Err(Failure::Failed(format!("{path} has changed: {found}, not {hash}"))) }
}

/// Brings what rests in the write cache to the array.
pub async fn flush(s: &mut Scenario<'_>) -> Result<(), Failure> {
    for volume in cached(&s.wish()?) {
        let there = Cmd::new("test").args(["-e".to_owned(), format!("/dev/mapper/{volume}")]);
        let there = s.machine()?.ask(&there, Duration::from_mins(1)).await;
        if there.map_err(|error| Failure::Failed(error.to_string()))?.status != 0 {
            continue;
        }
        s.words(&["dmsetup", "message", &volume, "0", "flush"]).await?;
    }
    Ok(())
}

/// Device-mapper names of the volumes that have a write cache: LVM doubles hyphens in names.
fn cached(wish: &Wish) -> Vec<String> {
    let volumes = wish.nodes.iter().filter_map(|node| match &node.kind {
        Kind::Volume(volume) if volume.cache.as_ref().is_some_and(|cache| cache.kind.segment() == "writecache") => {
            Some(volume)
        }
        _ => None,
    });
    let double = |name: &storage::Name| name.as_ref().replace('-', "--");
    volumes.map(|volume| format!("{}-{}", double(&volume.group), double(&volume.name))).collect()
}
