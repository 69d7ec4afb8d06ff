//! Playing a user's steps, one after another. Each has a deadline, and each must end as the file says.

use super::assertions;
use crate::failure::Failure;
use crate::labs::{self, Harm, harm, harm_link};
use crate::scenario::deeds;
use crate::scenario::record::Mark;
use crate::scenario::stage::{Scenario as Stage, Told};
use crate::verbs::seed_of_now;
use cmd::Cmd;
use lab::{Access, Link, Loss};
use scenario::{Expect, From, Lose, OnDisk, PowerCut, Scenario, Step, What};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use storage::plan::Consent;

/// Between two tries of an assertion.
const PAUSE: Duration = Duration::from_secs(1);

/// So much later than the step's own deadline is that of a command which it runs: the step's ends the story, and the
/// command's would be one more way to fail, which may be what is expected.
const LATER: Duration = Duration::from_mins(1);

/// What the steps before have left to be known.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The hashes of files, by machine and path.
    pub hashes: BTreeMap<(String, String), String>,
}

/// Plays all steps.
pub(super) async fn play(s: &mut Stage<'_>, scenario: &Scenario) -> Result<(), Failure> {
    let mut known = Known::default();
    for step in &scenario.step {
        let known = &mut known;
        s.stage(&step.name(), async |s| {
            if let Some(name) = step.what.machine() {
                s.name = name.clone();
            }
            expected(s, step, known).await
        })
        .await?;
    }
    Ok(())
}

/// The step, tried until it ends as expected.
async fn expected(s: &mut Stage<'_>, step: &Step, known: &mut Known) -> Told<()> {
    let end = step.within.map(|within| Instant::now() + within.duration());
    loop {
        let (deadline, mark) = (step.deadline(), Mark::of(&s.run));
        let Ok(tried) = tokio::time::timeout(deadline, act(s, &step.what, deadline + LATER, known)).await else {
            return Err(Failure::Failed(format!("it did not come to its end within {} s", deadline.as_secs())));
        };
        let judged = judge(step.expect, tried);
        match judged {
            Ok(detail) => {
                if step.expect == Expect::Fails {
                    mark.as_expected(&mut s.run);
                }
                return Ok(((), detail));
            }
            // Trying again would not mend it.
            Err(error @ (Failure::Bug(_) | Failure::Usage(..))) => return Err(error),
            Err(error) if end.is_none_or(|end| Instant::now() >= end) => {
                return Err(match step.within {
                    Some(within) => Failure::Failed(format!("not within {within}: {}", text(&error))),
                    None => error,
                });
            }
            Err(_) => {
                mark.forget(&mut s.run);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether it ended as it had to.
fn judge(expect: Expect, tried: Result<String, Failure>) -> Result<String, Failure> {
    match (expect, tried) {
        (Expect::Done, tried) => tried,
        (Expect::Fails, Ok(detail)) => Err(Failure::Failed(format!("it had to fail, and did not: {detail}"))),
        // What we did wrong, or was asked wrongly, says nothing of the machine.
        (Expect::Fails, Err(error @ (Failure::Bug(_) | Failure::Usage(..)))) => Err(error),
        (Expect::Fails, Err(error)) => Ok(format!("as expected: {}", text(&error))),
    }
}

fn text(failure: &Failure) -> String {
    match failure {
        Failure::Wanting => "found wanting".to_owned(),
        Failure::Usage(..) | Failure::Refused(_) | Failure::Failed(_) | Failure::Ended(_) | Failure::Bug(_) => {
            failure.to_string()
        }
    }
}

/// One try; what there is to say of it. Its commands have until `deadline`.
async fn act(s: &mut Stage<'_>, what: &What, deadline: Duration, known: &mut Known) -> Result<String, Failure> {
    let hurt = async |s: &mut Stage<'_>, disk: &OnDisk, what| {
        harm(s.bench()?.lab(), disk.machine.as_ref(), &disk.disk, what).await?;
        Ok::<_, Failure>(String::new())
    };
    match what {
        What::Boot(boot) => {
            let from = match boot.from {
                From::Medium => labs::From::Medium,
                From::Disks => labs::From::Disks,
            };
            s.boot(from).await?;
            Ok("it showed its pinned host key".to_owned())
        }
        What::Off(_) => s.off().await.map(|()| String::new()),
        What::PowerCut(cut) => s.power_cut(loss(cut)).await,
        What::Dying(disk) => hurt(s, disk, Harm::Dying).await,
        What::Revive(disk) => hurt(s, disk, Harm::Revive).await,
        What::Pull(disk) => hurt(s, disk, Harm::Pull).await,
        What::Well(disk) => hurt(s, disk, Harm::Well).await,
        What::Slow(it) => hurt(s, &it.disk, Harm::Slow(it.ms)).await,
        What::Full(it) => hurt(s, &it.disk, Harm::Full(it.after)).await,
        What::Rot(it) => hurt(s, &it.disk, Harm::Rot { at: it.at, sectors: it.sectors }).await,
        What::Errors(it) => {
            let on = match it.on {
                scenario::Access::Read => Access::Read,
                scenario::Access::Write => Access::Write,
                scenario::Access::Flush => Access::Flush,
            };
            hurt(s, &it.disk, Harm::Errors { on, from: it.from, to: it.to }).await
        }
        What::Link(it) => {
            let link = Link { cut: it.cut, delay_ms: it.delay_ms, loss: it.loss };
            harm_link(s.bench()?.lab(), it.from.as_ref(), it.to.as_ref(), link, it.one_way).await?;
            Ok(link.to_string())
        }
        What::Replace(disk) => {
            let serial = s.bench()?.replace(disk.machine.as_ref(), disk.short())?;
            Ok(format!("its serial number is {serial}"))
        }
        What::DisksApply(apply) => {
            let wipe = apply.wipe.iter().cloned().collect();
            let consent = Consent { wipe, reinstall: apply.reinstall, ..Consent::default() };
            let converged = deeds::converge(s, consent).await?;
            let steps: usize = converged.rounds.iter().map(|round| round.steps.len()).sum();
            s.rounds(&what.describe(), &converged);
            Ok(format!("{steps} steps"))
        }
        What::Install(install) => {
            let ((), told) = deeds::put_system(s, install.reinstall).await?;
            s.off().await?;
            Ok(told)
        }
        What::Write(write) => {
            let hash = deeds::write_known(s, &write.path, write.size.0).await?;
            let told = format!("{}, sha256 {}…", write.size, &hash[..16]);
            known.hashes.insert((write.machine.to_string(), write.path.clone()), hash);
            Ok(told)
        }
        What::Intact(it) => {
            let hash = known.hashes.get(&(it.machine.to_string(), it.path.clone()));
            let hash = hash.ok_or_else(|| Failure::Failed(format!("{} was not written before", it.path)))?;
            deeds::intact(s, &it.path, hash).await?;
            Ok(format!("sha256 {}…, read from the disks", &hash[..16]))
        }
        What::Run(run) if run.background => {
            let cmd = Cmd::new("sh").args(["-c", BESIDE, "sh"]).args(run.words.iter().cloned());
            let started = s.machine()?.run(&cmd, deadline).await;
            started.map_err(|error| Failure::Failed(error.to_string()))?;
            Ok("goes on beside what follows".to_owned())
        }
        What::Run(run) => assertions::run(s, run, deadline).await,
        What::Homehive(verb) => assertions::verb(s, verb, deadline).await,
        What::Verify(verify) => assertions::verify(s, verify).await,
        What::DisksPlan(plan) => assertions::plan(s, plan).await,
        What::DisksStatus(status) => assertions::status(s, status).await,
        What::Answers(_) => assertions::answers(s).await,
        What::Pause(pause) => {
            tokio::time::sleep(pause.long.duration()).await;
            Ok(String::new())
        }
    }
}

/// Starts its words in a session of their own, which nobody waits for.
const BESIDE: &str = r#"exec setsid --fork "$@" >/dev/null 2>&1 </dev/null"#;

fn loss(cut: &PowerCut) -> Loss {
    let seed = cut.seed.unwrap_or_else(seed_of_now);
    match cut.lose {
        Lose::None => Loss::None,
        Lose::All => Loss::All,
        Lose::Some => Loss::Some { seed },
        Lose::Torn => Loss::Torn { seed },
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, judge};
    use scenario::Expect;

    #[test]
    fn what_had_to_fail_and_did_not_has_failed() {
        let failed = || Failure::Failed("no".into());
        for (case, expect, tried, good) in [
            ("done", Expect::Done, Ok(String::new()), true),
            ("not done", Expect::Done, Err(failed()), false),
            ("wanting", Expect::Done, Err(Failure::Wanting), false),
            ("did not fail", Expect::Fails, Ok(String::new()), false),
            ("failed", Expect::Fails, Err(failed()), true),
            ("found wanting", Expect::Fails, Err(Failure::Wanting), true),
            ("refused", Expect::Fails, Err(Failure::Refused("named".into())), true),
            ("a bug of ours is no expected failure", Expect::Fails, Err(Failure::Bug("ours".into())), false),
            ("nor are wrong words", Expect::Fails, Err(Failure::usage("words", "help")), false),
        ] {
            assert_eq!(judge(expect, tried).is_ok(), good, "{case}");
        }
    }
}
