//! What happens in the built-in scenario, act by act.

use super::STAGES;
use super::deeds::{converge, flush, intact, put_system, verified, write_known};
use super::stage::{Scenario, Told};
use crate::converge::list;
use crate::failure::Failure;
use crate::labs::From;
use crate::verbs::seed_of_now;
use cmd::Cmd;
use lab::Loss;
use std::time::{Duration, Instant};
use storage::facts::MemberState;
use storage::plan::{Consent, Risk};
use storage::wish::Kind;
use storage::{NodeId, Wish};

/// The file whose content must survive everything.
const PROOF: &str = "/data/homehive-proof";
/// A file on the root filesystem, which a reinstall must not leave there.
const TRACE: &str = "/var/homehive-trace";
/// How long md may take to notice a dead disk, and to rebuild a lab's small one.
const NOTICE: Duration = Duration::from_mins(2);
const REBUILD: Duration = Duration::from_mins(15);

/// Plays all acts.
pub async fn play(s: &mut Scenario<'_>) -> Result<(), Failure> {
    s.stage(STAGES[0], async |s| {
        let disks: usize = s.declared.fleet.machines.values().map(|machine| machine.storage.disk.len()).sum();
        Ok(((), format!("{}: nothing wrong, {disks} disks declared", s.declared.path.display())))
    })
    .await?;
    if s.args.installed {
        for name in &STAGES[1..6] {
            s.skip(name, "--installed: taken from a saved run");
        }
    } else {
        install(s).await?;
    }
    s.stage(STAGES[6], async |s| {
        s.boot(From::Disks).await?;
        Ok(((), "it showed the host key that was pinned before its disks existed".into()))
    })
    .await?;
    s.stage(STAGES[7], async |s| verified(s, "after the first boot").await).await?;
    s.stage(STAGES[8], again).await?;
    let hash = s.stage(STAGES[9], write_proof).await?;
    let disk = s.stage(STAGES[10], async |s| dying(s, &hash).await).await?;
    s.stage(STAGES[11], async |s| replace(s, &disk).await).await?;
    s.stage(STAGES[12], async |s| rebuild(s, &hash).await).await?;
    s.stage(STAGES[13], async |s| power_cut(s, &hash).await).await?;
    s.stage(STAGES[14], async |s| reinstall(s, &hash).await).await?;
    s.stage(STAGES[15], async |s| {
        let told = verified(s, "after the reinstallation").await?;
        s.off().await?;
        Ok(told)
    })
    .await
}

/// From blank disks to an installed system.
async fn install(s: &mut Scenario<'_>) -> Result<(), Failure> {
    s.stage(STAGES[1], async |s| {
        s.boot(From::Medium).await?;
        Ok(((), "it showed the installer's pinned host key".into()))
    })
    .await?;
    s.stage(STAGES[2], async |s| {
        let wish = s.wish()?;
        let facts = s.look().await?;
        let plan = storage::plan::plan(&wish, &facts, &Consent::default());
        if let Some(refusal) = plan.refusals.first() {
            return Err(Failure::Failed(format!("{}: {}", refusal.node, refusal.reason)));
        }
        if let Some(step) = plan.steps.iter().find(|step| matches!(step.risk, Risk::Destroys { .. } | Risk::Grows)) {
            return Err(Failure::Failed(format!("on blank disks, `{}` is no creation", step.describe())));
        }
        Ok(((), format!("{} steps, nothing destroyed, plan {}", plan.steps.len(), &plan.digest()[..12])))
    })
    .await?;
    s.stage(STAGES[3], async |s| {
        let converged = converge(s, Consent::default()).await?;
        let steps: usize = converged.rounds.iter().map(|round| round.steps.len()).sum();
        s.rounds("from blank disks to mounted", &converged);
        Ok(((), format!("{steps} steps")))
    })
    .await?;
    s.stage(STAGES[4], identities).await?;
    s.stage(STAGES[5], async |s| {
        let told = put_system(s, false).await?;
        s.off().await?;
        if s.args.save {
            let saved = s.saved.clone();
            saved.save(s.bench()?.lab()).await?;
        }
        Ok(told)
    })
    .await
}

/// Every identity that was announced before any disk existed is found on the disks, by the tools' own words.
async fn identities(s: &mut Scenario<'_>) -> Told<()> {
    let wish = s.wish()?;
    let announced = wish.announce();
    let mut said = String::new();
    for words in [
        &["lsblk", "--noheadings", "--output", "PTUUID,PARTUUID,UUID"][..],
        &["mdadm", "--detail", "--scan"],
        &["pvs", "--noheadings", "--options", "pv_uuid"],
        &["lvs", "--all", "--noheadings", "--options", "vg_uuid,lv_uuid"],
    ] {
        said.push_str(&s.words(words).await?.stdout.to_lowercase());
    }
    let missing = announced.iter().find(|it| !said.contains(&it.identity.to_lowercase()));
    match missing {
        None => Ok(((), format!("all {} found on the disks", announced.len()))),
        Some(it) => Err(Failure::Failed(format!("{} {:?}: {} is on no disk", it.node, it.role, it.identity))),
    }
}

/// A second look plans nothing.
async fn again(s: &mut Scenario<'_>) -> Told<()> {
    let wish = s.wish()?;
    let plan = storage::plan::plan(&wish, &s.look().await?, &Consent::default());
    if plan.is_empty() {
        let kept: Vec<NodeId> = plan.kept.iter().map(|kept| kept.node.clone()).collect();
        return Ok(((), format!("as declared: {}", list(&kept))));
    }
    let steps = plan.steps.iter().map(storage::plan::Step::describe).collect::<Vec<_>>().join("; ");
    let refused = plan.refusals.iter().map(|it| format!("{}: {}", it.node, it.reason)).collect::<Vec<_>>().join("; ");
    Err(Failure::Failed(format!("something is planned on a finished machine: {steps} {refused}")))
}

async fn write_proof(s: &mut Scenario<'_>) -> Told<String> {
    s.words(&["touch", TRACE]).await?;
    let hash = write_known(s, PROOF, 24 << 20).await?;
    Ok((hash.clone(), format!("24 MiB, sha256 {}…", &hash[..16])))
}

/// The array of the story and one of its member disks, neither the first nor the last.
fn victim(wish: &Wish) -> Result<(NodeId, NodeId), Failure> {
    let arrays = wish.nodes.iter().filter_map(|node| match &node.kind {
        Kind::Array(array) if array.level.redundant() => {
            Some((node.id.clone(), array.members.get(array.members.len() / 2)?.clone()))
        }
        _ => None,
    });
    let found =
        arrays.into_iter().find(|(_, disk)| matches!(wish.node(disk).map(|node| &node.kind), Some(Kind::Disk(_))));
    found.ok_or_else(|| Failure::Failed("no array of whole disks is declared, so none can lose one".into()))
}

/// A disk answers nothing but errors while data is written.
async fn dying(s: &mut Scenario<'_>, hash: &str) -> Told<NodeId> {
    let wish = s.wish()?;
    let (_, disk) = victim(&wish)?;
    let name = s.name.to_string();
    let facts = s.look().await?;
    let sight = storage::plan::Sight::new(&wish, &facts);
    let device = sight.device(&disk).ok_or_else(|| Failure::Failed(format!("{disk} is not there")))?;
    let (kernel, serial) = (device.name.clone(), device.serial.clone().unwrap_or_default());
    let short = disk.as_str().trim_start_matches("disk.").to_owned();
    s.bench()?.lab().fail_disk(&name, &short).await?;
    s.context.story.note(&name, format!("{disk} (serial {serial}) answers nothing but errors from now on"));
    s.words(&["dd", "if=/dev/urandom", "of=/data/under-fire", "bs=1M", "count=16", "conv=fsync"]).await?;
    flush(s).await?;
    let end = Instant::now() + NOTICE;
    loop {
        let facts = s.look().await?;
        let members = facts.arrays.iter().flat_map(|array| &array.members);
        let working = members.into_iter().any(|member| member.device == kernel && member.state != MemberState::Faulty);
        if !working {
            break;
        }
        if Instant::now() > end {
            return Err(Failure::Failed(format!("md has not put {disk} out within {} s", NOTICE.as_secs())));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    intact(s, PROOF, hash).await?;
    let groups = s.verify("while a disk is dead", &["raid".into(), "data".into()], &["raid"]).await?;
    let told = groups.iter().flat_map(|group| &group.checks).any(|check| check.detail.contains(&serial));
    if !told {
        return Err(Failure::Failed(format!("verify does not name the dead disk's serial {serial}")));
    }
    Ok((disk.clone(), format!("{disk} is put out; verify names serial {serial}; the file is intact")))
}

/// A new disk: the plan is exactly its taking over.
async fn replace(s: &mut Scenario<'_>, disk: &NodeId) -> Told<()> {
    s.off().await?;
    let name = s.name.to_string();
    let short = disk.as_str().trim_start_matches("disk.").to_owned();
    let serial = s.bench()?.replace(&name, &short)?;
    s.context.story.note(&name, format!("{disk} is a new blank disk now, serial {serial}"));
    s.boot(From::Disks).await?;
    let wish = s.wish()?;
    let (array, _) = victim(&wish)?;
    let plan = storage::plan::plan(&wish, &s.look().await?, &Consent::default());
    let steps = plan.steps.iter().map(storage::plan::Step::describe).collect::<Vec<_>>();
    let other = plan.steps.iter().find(|step| step.node != array && step.node != *disk);
    if let Some(refusal) = plan.refusals.first() {
        return Err(Failure::Failed(format!("{}: {}", refusal.node, refusal.reason)));
    }
    if steps.is_empty() || other.is_some() || !plan.destroyed().is_empty() {
        return Err(Failure::Failed(format!("the plan is not exactly the new disk's: {}", steps.join("; "))));
    }
    let converged = converge(s, Consent::default()).await?;
    s.rounds("the new disk takes its place", &converged);
    Ok(((), format!("plan: {}", steps.join("; "))))
}

async fn rebuild(s: &mut Scenario<'_>, hash: &str) -> Told<()> {
    in_sync(s).await?;
    intact(s, PROOF, hash).await?;
    verified(s, "after the rebuild").await
}

/// Waits until md has nothing to do any more, and shows how far it is.
async fn in_sync(s: &Scenario<'_>) -> Result<(), Failure> {
    let end = Instant::now() + REBUILD;
    let name = s.name.to_string();
    loop {
        let facts = s.look().await?;
        let Some(busy) = facts.arrays.iter().find(|array| array.action.is_some()) else { return Ok(()) };
        let action = busy.action.clone().unwrap_or_default();
        s.context.story.progress(
            &name,
            &format!("{action} of md/{}", busy.name),
            u64::from(busy.done),
            Some(1000),
            "permille",
        );
        if Instant::now() > end {
            return Err(Failure::Failed(format!(
                "the {action} of md/{} did not end within {} s",
                busy.name,
                REBUILD.as_secs()
            )));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The power goes in the middle of writing.
async fn power_cut(s: &mut Scenario<'_>, hash: &str) -> Told<()> {
    {
        let write = Cmd::new("dd").args(["if=/dev/urandom", "of=/data/torn", "bs=1M", "count=512", "oflag=dsync"]);
        let machine = s.machine()?;
        let writing = machine.ask(&write, Duration::from_mins(5));
        let waiting = tokio::time::sleep(Duration::from_millis(2500));
        tokio::select! {
            ended = writing => {
                let said = ended.map_or_else(|error| error.to_string(), |output| output.stderr);
                return Err(Failure::Failed(format!("the writing ended before the power went: {said}")));
            }
            () = waiting => {}
        }
    }
    let cut = s.power_cut(Loss::Some { seed: seed_of_now() }).await?;
    s.boot(From::Disks).await?;
    intact(s, PROOF, hash).await?;
    in_sync(s).await?;
    let ((), told) = verified(s, "after the power cut").await?;
    Ok(((), format!("{cut}; the file is intact; {told}")))
}

/// Root goes, data stays.
async fn reinstall(s: &mut Scenario<'_>, hash: &str) -> Told<()> {
    s.words(&["stat", TRACE]).await?;
    s.off().await?;
    s.boot(From::Medium).await?;
    put_system(s, true).await?;
    s.off().await?;
    s.boot(From::Disks).await?;
    intact(s, PROOF, hash).await?;
    let left = s.machine()?.ask(&Cmd::new("stat").arg(TRACE), Duration::from_mins(1)).await;
    match left {
        Ok(output) if output.status == 1 => Ok(((), "the old root is gone, the file is intact".into())),
        Ok(_) => Err(Failure::Failed(format!("{TRACE} survived: the root filesystem was not made anew"))),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}
