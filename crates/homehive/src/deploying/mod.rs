//! Deploying: many machines are met, their systems built once and copied side by side, the difference is shown and asked
//! about, and then each has its turn. Switching one machine in a way that it undoes by itself is `machine`'s business.

mod abroad;
mod cluster;
mod compare;
mod health;
mod meet;
mod order;
mod quorum;
mod report;
mod standing;
mod turn;

pub use compare::text as difference_text;
pub use meet::{Met, meet, meet_all};
pub use order::waves;
pub use report::{DeployAnswer, MachineReport, State};
pub use standing::{Board, Standing};
pub use turn::{Turn, What};

use crate::args::{BuildOn, Payload};
use crate::building::{self, Order};
use crate::failure::Failure;
use crate::load::Loaded;
use crate::verbs::Context;
use fleet::HostName;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use machine::copy::{self, Target};
use machine::deploy::Mode;
use machine::difference::Difference;
use payload::Closure;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// A deployment.
#[derive(Debug)]
pub struct Rollout<'a> {
    /// The verb's options.
    pub context: &'a Context,
    /// The fleet.
    pub loaded: &'a Loaded,
    /// The machines, wave by wave.
    pub waves: Vec<Vec<HostName>>,
    /// What they shall run.
    pub payload: Payload,
    /// How it becomes what they run.
    pub mode: Mode,
    /// Show the difference and end.
    pub dry_run: bool,
    /// Begin with the next machine although one has failed.
    pub keep_going: bool,
    /// Do not ask.
    pub yes: bool,
    /// Where the systems are built.
    pub build_on: BuildOn,
    /// To how many machines is copied at once.
    pub parallel: usize,
    /// How long a machine waits to be found well.
    pub deadline: Duration,
    /// The command that does it all again.
    pub again: String,
    /// How far each machine is, for whoever interrupts.
    pub board: Board,
}

/// A machine that is to change.
struct Change {
    closure: Closure,
    difference: Option<Difference>,
    copied: u64,
}

impl Rollout<'_> {
    fn machines(&self) -> Vec<HostName> {
        self.waves.iter().flatten().cloned().collect()
    }

    /// Does it all; what became of each machine, in the order of their turns.
    ///
    /// # Errors
    /// What concerns all machines: a system that cannot be built, an answer that says no. Nothing was switched by then.
    pub async fn run(&self) -> Result<DeployAnswer, Failure> {
        let names = self.machines();
        let mut states: BTreeMap<HostName, State> = BTreeMap::new();
        let mut met: BTreeMap<HostName, Met> = BTreeMap::new();
        for (name, found) in meet_all(self.context, self.loaded, &names, self.payload).await {
            match found {
                Ok(found) => drop(met.insert(name, found)),
                Err(state) => drop(states.insert(name, state)),
            }
        }
        let (closures, unbuilt) = self.build(&met).await?;
        states.extend(unbuilt);
        let mut changes: BTreeMap<HostName, Change> = BTreeMap::new();
        for (name, closure) in &closures {
            let Some(met) = met.get(name) else { continue };
            if met.runs(closure.path.as_str(), self.mode) {
                states.insert(name.clone(), State::Unchanged);
            } else {
                changes.insert(name.clone(), Change { closure: closure.clone(), difference: None, copied: 0 });
            }
        }
        if !changes.is_empty() {
            self.prepare(&met, &mut changes, &mut states).await?;
        }
        let mut seconds = BTreeMap::new();
        if self.dry_run {
            states.extend(
                changes
                    .keys()
                    .filter(|name| !states.contains_key(*name))
                    .map(|name| (name.clone(), State::WouldChange))
                    .collect::<Vec<_>>(),
            );
        } else {
            self.switch(&met, &changes, &mut states, &mut seconds).await;
        }
        let report = |name: HostName| {
            let change = changes.get(&name);
            MachineReport {
                machine: name.to_string(),
                state: states
                    .get(&name)
                    .cloned()
                    .unwrap_or(State::NotBegun { why: "its turn did not come".to_owned() }),
                system: closures.get(&name).map(|closure| closure.path.to_string()),
                difference: change.and_then(|change| change.difference.clone()),
                copied: change.map_or(0, |change| change.copied),
                seconds: seconds.get(&name).copied().unwrap_or(0.0),
            }
        };
        Ok(DeployAnswer::of(names.into_iter().map(report).collect()))
    }

    async fn build(
        &self,
        met: &BTreeMap<HostName, Met>,
    ) -> Result<(BTreeMap<HostName, Closure>, BTreeMap<HostName, State>), Failure> {
        if met.is_empty() {
            return Ok((BTreeMap::new(), BTreeMap::new()));
        }
        let machines: Vec<HostName> = met.keys().cloned().collect();
        let facts = met.iter().filter_map(|(name, met)| Some((name.clone(), met.facts.clone()?))).collect();
        let order = Order {
            story: &self.context.story,
            loaded: self.loaded,
            machines: &machines,
            payload: self.payload,
            facts: &facts,
            packages: None,
            again: &self.again,
        };
        match self.build_on {
            BuildOn::Local => Ok((building::build(&order).await?, BTreeMap::new())),
            BuildOn::Target => abroad::build(&order, met, self.parallel).await,
        }
    }

    /// Compares, copies, shows and asks. Copying comes before the question, for only the new system itself can say what it
    /// does to units; it changes nothing that runs.
    async fn prepare(
        &self,
        met: &BTreeMap<HostName, Met>,
        changes: &mut BTreeMap<HostName, Change>,
        states: &mut BTreeMap<HostName, State>,
    ) -> Result<(), Failure> {
        let story = &self.context.story;
        if !self.dry_run && !self.yes && !self.can_ask() {
            let names = changes.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(Failure::Refused(format!(
                "{names} would change, and there is no terminal to ask at; nothing was switched\n  \
                 say it beforehand: {} --yes (or look first: --dry-run)",
                self.again
            )));
        }
        let compared = changes.iter().map(async |(name, change)| {
            let found = compare::packages(&met.get(name)?.machine, &change.closure, self.build_on).await;
            found
                .inspect_err(|error| {
                    story.note(name.to_string(), format!("what it runs could not be compared: {error}"));
                })
                .ok()
        });
        let compared: Vec<_> = join_all(compared).await;
        for (change, difference) in changes.values_mut().zip(compared) {
            change.difference = difference;
        }
        if self.build_on == BuildOn::Local {
            self.copy(met, changes, states).await;
        }
        let units = changes.iter().map(async |(name, change)| {
            let machine = &met.get(name).filter(|_| !states.contains_key(name))?.machine;
            let units = compare::units(machine, &change.closure).await;
            units
                .inspect_err(|why| story.note(name.to_string(), format!("its units could not be compared: {why}")))
                .ok()
        });
        let units: Vec<_> = join_all(units).await;
        for (change, units) in changes.values_mut().zip(units) {
            if let Some(difference) = change.difference.as_mut() {
                difference.units = units;
            }
        }
        if !self.dry_run {
            for (name, change) in changes.iter().filter(|(name, _)| !states.contains_key(*name)) {
                if let Some(difference) = &change.difference {
                    story.note(name.to_string(), format!("changes\n{}", compare::text(difference).trim_end()));
                }
            }
        }
        let count = changes.keys().filter(|name| !states.contains_key(*name)).count();
        if count > 0 && !self.dry_run && !self.yes && !self.asked(count).await {
            return Err(Failure::Refused("you did not say yes; nothing was switched".to_owned()));
        }
        Ok(())
    }

    /// Copies to each what it lacks; a machine where that fails is done with.
    async fn copy(
        &self,
        met: &BTreeMap<HostName, Met>,
        changes: &mut BTreeMap<HostName, Change>,
        states: &mut BTreeMap<HostName, State>,
    ) {
        let copied: Vec<copy::Closure> = changes.values().map(|change| copyable(&change.closure)).collect();
        let targets: Vec<Target<'_>> = changes
            .keys()
            .zip(&copied)
            .filter_map(|(name, closure)| Some(Target { machine: &met.get(name)?.machine, root: "/", closure }))
            .collect();
        let ends = copy::copy(&targets, self.parallel, &self.context.story).await;
        for ((name, change), end) in changes.iter_mut().zip(ends) {
            match end {
                Ok(copied) => change.copied = copied.bytes,
                Err(error) => {
                    let why = format!("{error}; it runs and boots what it did before");
                    states.insert(name.clone(), State::Failed { why });
                }
            }
        }
    }

    fn can_ask(&self) -> bool {
        let global = &self.context.global;
        !global.json && !global.plain && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks on the terminal.
    async fn asked(&self, count: usize) -> bool {
        let how = match self.mode {
            Mode::Switch => "switch",
            Mode::Boot => "boot it next time",
            Mode::Reboot => "restart",
        };
        let what = if count == 1 { "1 machine".to_owned() } else { format!("{count} machines") };
        self.context.story.question(format!("{how}: {what}? [y/N] "));
        // A thread of its own, for a read from a terminal cannot be given up.
        let (tell, hear) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = std::io::stdin().read_line(&mut line);
            let _ = tell.send(matches!(line.trim(), "y" | "Y" | "yes"));
        });
        hear.await.unwrap_or(false)
    }

    /// Wave by wave; behind a failure none is begun unless that was asked for.
    async fn switch(
        &self,
        met: &BTreeMap<HostName, Met>,
        changes: &BTreeMap<HostName, Change>,
        states: &mut BTreeMap<HostName, State>,
        seconds: &mut BTreeMap<HostName, f64>,
    ) {
        let mut broken: Option<HostName> = None;
        for wave in &self.waves {
            let open: Vec<&HostName> = wave.iter().filter(|name| !states.contains_key(*name)).collect();
            if let (Some(first), false) = (&broken, self.keep_going) {
                let why = format!("{first} came out badly; go on all the same: --keep-going");
                states.extend(open.into_iter().map(|name| (name.clone(), State::NotBegun { why: why.clone() })));
                continue;
            }
            let turns = open.into_iter().filter_map(|name| Some((name, met.get(name)?, changes.get(name)?)));
            let turns = turns.map(async |(name, found, change)| {
                let begun = Instant::now();
                let standing = self.board.begin(name);
                let turn = Turn {
                    context: self.context,
                    loaded: self.loaded,
                    name,
                    machine: &found.machine,
                    met,
                    mode: self.mode,
                    deadline: self.deadline,
                    standing: &standing,
                };
                let state = turn.take(What::System(change.closure.path.as_str())).await;
                standing.over();
                (name, state, begun.elapsed().as_secs_f64())
            });
            let ended: Vec<_> = futures_util::stream::iter(turns).buffer_unordered(self.parallel).collect().await;
            for (name, state, took) in ended {
                if state.stops() {
                    broken.get_or_insert_with(|| name.clone());
                }
                self.context.story.note(name.to_string(), format!("{} after {took:.1} s", state.word()));
                seconds.insert(name.clone(), took);
                states.insert(name.clone(), state);
            }
        }
    }

    /// What an interruption leaves. A machine where nothing was armed yet is told to set profile and boot menu back.
    pub async fn interrupted(&self) -> Failure {
        let stands = self.machines().into_iter().map(async |name| {
            let stands = match self.board.of(&name) {
                None => "was not begun: it runs and boots what it did before".to_owned(),
                Some(standing) => standing.interrupted(self.context, self.loaded, &name, self.deadline).await,
            };
            format!("\n  {name}: {stands}")
        });
        let text: String = join_all(stands).await.concat();
        let next = self.context.again("status --no-build");
        Failure::Failed(format!("interrupted{text}\n  next: {next}"))
    }
}

/// A closure in `machine`'s terms.
pub fn copyable(closure: &Closure) -> copy::Closure {
    copy::Closure {
        system: closure.path.to_string(),
        paths: closure.paths.iter().map(ToString::to_string).collect(),
        size: closure.size,
    }
}
