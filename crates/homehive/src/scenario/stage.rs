//! The stage on which the scenario plays: the lab, the machine as it answers now, and the report that is written down as
//! it goes.

use super::record::wanting;
use crate::args::Run as RunArgs;
use crate::converge::Converged;
use crate::failure::Failure;
use crate::labs::{self, Bench, From, Saved};
use crate::load::Loaded;
use crate::reach::{self, System};
use crate::verbs::{Context, lost_text};
use crate::verifying::{self, Verified};
use cmd::Cmd;
use fleet::HostName;
use lab::{Lab, LabDir, LabError, Loss};
use machine::{Machine, Output, StepTime};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use storage::Wish;
use storage::facts::Facts;
use verify::report::{Applied, NotRun, Run, Stage, Verification};
use verify::{GroupResult, Outcome};

/// The scenario, as far as it has come.
pub struct Scenario<'a> {
    pub context: &'a Context,
    pub args: &'a RunArgs,
    /// The fleet as declared.
    pub declared: Loaded,
    /// The machine that the story is about at this moment.
    pub name: HostName,
    /// The lab; none while a homehive that a step runs works with it, and once it is down.
    pub bench: Option<Bench>,
    pub saved: Saved,
    /// The stages that are to come, but for the lab's end.
    announced: Vec<String>,
    /// The report so far.
    pub(super) run: Run,
    /// Where the lab lies, whoever holds it.
    root: PathBuf,
    /// The machines that are on.
    machines: BTreeMap<HostName, Machine>,
}

/// The last stage of every story.
pub const DOWN: &str = "the lab is taken down";

/// What a stage has to say for itself, beside its result.
pub type Told<T> = Result<(T, String), Failure>;

impl<'a> Scenario<'a> {
    pub fn new(
        context: &'a Context,
        args: &'a RunArgs,
        declared: Loaded,
        name: HostName,
        bench: Bench,
        run: Run,
        announced: Vec<String>,
    ) -> Result<Self, Failure> {
        let saved = Saved::named(&labs::place(&declared)?, "installed")?;
        let (machines, root) = (BTreeMap::new(), bench.root().to_owned());
        Ok(Self { context, args, declared, name, bench: Some(bench), saved, announced, run, root, machines })
    }

    /// Plays one stage: its name, its duration and its end go into the report.
    pub async fn stage<T>(&mut self, name: &str, play: impl AsyncFnOnce(&mut Self) -> Told<T>) -> Result<T, Failure> {
        let begun = Instant::now();
        self.context.story.note("──", format!("{}. {name}", self.run.stages.len() + 1));
        let played = play(self).await;
        let (outcome, detail) = match &played {
            Ok((_, detail)) => (Outcome::Passed, detail.clone()),
            Err(Failure::Wanting) => (Outcome::Failed, "found wanting".to_owned()),
            Err(failure) => (Outcome::Failed, failure.to_string()),
        };
        let seconds = begun.elapsed().as_secs_f64();
        self.run.stages.push(Stage { name: name.to_owned(), seconds, outcome, detail });
        played.map(|(result, _)| result)
    }

    /// Writes down that a stage was not run, and why.
    pub fn skip(&mut self, name: &str, reason: &str) {
        let outcome = Outcome::NotRun { reason: reason.to_owned() };
        self.run.stages.push(Stage { name: name.to_owned(), seconds: 0.0, outcome, detail: String::new() });
    }

    /// How many stages are over.
    pub fn played(&self) -> usize {
        self.run.stages.len()
    }

    /// The lab.
    pub fn bench(&mut self) -> Result<&mut Bench, Failure> {
        self.bench.as_mut().ok_or_else(|| Failure::Bug("the lab is used while it is let go of".into()))
    }

    /// The lab's fleet, as it is now.
    pub fn loaded(&mut self) -> Result<Loaded, Failure> {
        self.bench()?.loaded()
    }

    /// The machine's wish, by the lab's fleet as it is now.
    pub fn wish(&mut self) -> Result<Wish, Failure> {
        let name = self.name.clone();
        crate::verbs::wish(&self.loaded()?, &name)
    }

    /// Boots the machine and logs in.
    pub async fn boot(&mut self, from: From) -> Result<(), Failure> {
        let name = self.name.clone();
        self.machines.remove(&name);
        self.bench()?.boot(name.as_ref(), from).await?;
        let loaded = self.loaded()?;
        let expected = if from == From::Medium { System::Installer } else { System::Installed };
        let machine = reach::reach_as(&loaded, &name, expected, &self.context.story).await?;
        if from == From::Disks {
            self.context.story.stage(name.to_string(), "brings up its disks");
            reach::mounted(&machine, &self.wish()?).await?;
        }
        self.machines.insert(name, machine);
        Ok(())
    }

    /// The machine, which must be on.
    pub fn machine(&self) -> Result<&Machine, Failure> {
        let off = || Failure::Failed(format!("{} is asked while it is off", self.name));
        self.machines.get(&self.name).ok_or_else(off)
    }

    /// Shuts the machine down from inside, as its owner would.
    pub async fn off(&mut self) -> Result<(), Failure> {
        if let Some(machine) = self.machines.remove(&self.name) {
            self.context.story.stage(self.name.to_string(), "shuts down");
            // The connection may break before the command has answered.
            let _ = machine.ask(&Cmd::new("poweroff"), Duration::from_secs(30)).await;
            machine.close().await;
        }
        let name = self.name.to_string();
        self.bench()?.wait_off(&name).await
    }

    /// The power goes, and with it of what was not flushed what `loss` says; what it took.
    pub async fn power_cut(&mut self, loss: Loss) -> Result<String, Failure> {
        let name = self.name.to_string();
        let lost = self.bench()?.lab().power_cut(&name, loss).await?;
        self.machines.remove(&self.name);
        let told = lost_text(loss, &lost);
        self.context.story.note(name, format!("the power is cut; {told}"));
        Ok(told)
    }

    /// Runs words on the machine as root.
    pub async fn words(&self, words: &[&str]) -> Result<Output, Failure> {
        let cmd = Cmd::new(words[0]).args(words[1..].iter().copied());
        self.machine()?.run(&cmd, Duration::from_mins(3)).await.map_err(|error| Failure::Failed(error.to_string()))
    }

    /// Looks at the machine's disks.
    pub async fn look(&self) -> Result<Facts, Failure> {
        self.machine()?.look().await.map_err(|error| Failure::Failed(error.to_string()))
    }

    /// Verifies the machine; `broken` are the groups that must fail. The report gets the result and a picture.
    pub async fn verify(&mut self, title: &str, only: &[String], broken: &[&str]) -> Result<Vec<GroupResult>, Failure> {
        let loaded = self.loaded()?;
        let name = self.name.clone();
        self.context.story.stage(name.to_string(), "is asked, group by group");
        let verified = verifying::verify(self.machine()?, &loaded, &name, only, false).await?;
        let Verified { groups, payload, facts, seconds } = verified;
        self.run.payload = payload.or(self.run.payload);
        let wish = crate::verbs::wish(&loaded, &name)?;
        self.run.pictures.push(verifying::picture(title, &wish, facts.as_ref()));
        let must_fail: Vec<String> = broken.iter().map(|id| (*id).to_owned()).collect();
        let verification = Verification { title: title.to_owned(), seconds, must_fail, groups: groups.clone() };
        let wrong = wanting(&verification);
        self.run.verifications.push(verification);
        if wrong.is_empty() { Ok(groups) } else { Err(Failure::Failed(format!("found wanting: {}", wrong.join("; ")))) }
    }

    /// Writes the steps of every round into the report.
    pub fn rounds(&mut self, title: &str, converged: &Converged) {
        for (number, round) in converged.rounds.iter().enumerate() {
            let title = if number == 0 { title.to_owned() } else { format!("{title}, round {}", number + 1) };
            self.applied(&title, &round.steps);
        }
    }

    fn applied(&mut self, title: &str, steps: &[StepTime]) {
        let mut steps: Vec<_> = steps.to_vec();
        steps.sort_by(|a, b| a.begin.total_cmp(&b.begin));
        let steps = steps.into_iter().map(|step| verify::report::StepTime {
            what: step.text,
            begin: step.begin,
            seconds: step.seconds,
            outcome: Outcome::Passed,
        });
        self.run.plans.push(Applied { title: title.to_owned(), steps: steps.collect() });
    }

    /// Where the first serial line of each machine is written down, by its name.
    pub fn consoles(&self) -> Vec<(String, PathBuf)> {
        let state = LabDir::at(&self.root).and_then(|dir| Ok((dir.state()?, dir)));
        let of = |(state, dir): (lab::State, LabDir)| {
            let names = state.machines.into_iter().map(|it| it.machine.name);
            names.map(|name| (name.clone(), dir.files(&name).console())).collect()
        };
        state.map_or_else(|_| Vec::new(), of)
    }

    /// Takes the lab down, unless it is to be kept; what was not reached is written down.
    pub async fn end(&mut self, keep: bool) -> Result<(), Failure> {
        for name in self.announced.split_off(self.run.stages.len().min(self.announced.len())) {
            self.skip(&name, "an earlier stage failed");
        }
        self.machines.clear();
        self.run.omitted.extend(
            self.args.keep.then(|| NotRun {
                what: DOWN.to_owned(),
                reason: "--keep: it goes on; homehive lab status".to_owned(),
            }),
        );
        if keep {
            return Ok(());
        }
        // Where a step was broken off nobody holds it: it is there all the same.
        self.bench = None;
        let root = self.root.clone();
        self.stage(DOWN, async |_| {
            down(&root).await?;
            Ok(((), format!("nothing is left at {}", root.display())))
        })
        .await
    }

    /// The report so far.
    pub fn into_run(self) -> Run {
        self.run
    }
}

/// Takes the lab down. A homehive that was broken off a moment ago may still hold it.
async fn down(root: &Path) -> Result<(), LabError> {
    let end = Instant::now() + LETS_GO;
    loop {
        match Lab::down(root).await {
            Err(LabError::Busy(_)) if Instant::now() < end => tokio::time::sleep(Duration::from_millis(100)).await,
            ended => return ended,
        }
    }
}

/// How long the system may take to end a killed process.
const LETS_GO: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::down;
    use cmd::Cmd;
    use lab::kvm::{Accel, Verdict};
    use lab::qemu::Segment;
    use lab::{Blueprint, Lab};
    use std::net::Ipv4Addr;
    use std::time::Duration;

    #[tokio::test]
    async fn a_lab_that_somebody_still_holds_goes_a_moment_later() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("lab");
        let [subnet, gateway] = [0, 1].map(|last| Ipv4Addr::new(192, 168, 1, last));
        let blueprint = Blueprint { segment: Segment { subnet, prefix: 24, gateway }, machines: Vec::new() };
        let verdict = Verdict { accel: Accel::Emulated, reason: "a test".into() };
        let held = Lab::create(&root, &blueprint, &verdict, Cmd::new("true")).await.unwrap();
        let held = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            drop(held);
        });
        down(&root).await.unwrap();
        held.await.unwrap();
        assert!(!root.exists());
    }
}
