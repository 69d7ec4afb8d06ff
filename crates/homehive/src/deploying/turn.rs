//! One machine's turn: how it is before, its node out of the way if it restarts, the guarded switch, and its node back.

use super::cluster::{Cluster, Drained};
use super::health;
use super::meet::Met;
use super::report::State;
use super::standing::Standing;
use crate::load::Loaded;
use crate::reach::{self, System};
use crate::verbs::Context;
use fleet::{HostName, Role};
use machine::Machine;
use machine::deploy::{Deploy, Mode, deploy, rollback};
use std::collections::BTreeMap;
use std::time::Duration;

/// A machine whose turn it is.
#[derive(Debug)]
pub struct Turn<'a> {
    /// The verb's options.
    pub context: &'a Context,
    /// The fleet.
    pub loaded: &'a Loaded,
    /// Its name.
    pub name: &'a HostName,
    /// The machine.
    pub machine: &'a Machine,
    /// All machines that answered: one of them may speak for the cluster.
    pub met: &'a BTreeMap<HostName, Met>,
    /// How the system becomes what it runs.
    pub mode: Mode,
    /// How long it waits to be found well.
    pub deadline: Duration,
    /// How far it is, for whoever interrupts it.
    pub standing: &'a Standing,
}

/// What a machine is to run.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// This system, which is in its store.
    System(&'a str),
    /// This generation, or the one before the current one.
    Generation(Option<u64>),
}

impl Turn<'_> {
    /// Takes the turn.
    pub async fn take(&self, what: What<'_>) -> State {
        let (story, name) = (&self.context.story, self.name);
        story.stage(name.to_string(), "is asked how it is");
        let before = match self.mode {
            Mode::Boot => health::Ailing::default(),
            Mode::Switch | Mode::Reboot => match health::ask(self.machine, self.loaded, name, &[]).await {
                Ok(before) => before,
                Err(failure) => {
                    let why = format!("how it is could not be told, so nothing was switched: {failure}");
                    return State::Failed { why };
                }
            },
        };
        let server = match self.server().await {
            Ok(server) => server,
            Err(why) => return State::Refused { why: format!("it may not restart now: {why}") },
        };
        let cluster = self.cluster(server.as_ref());
        let mut drained: Option<Drained> = None;
        if let (Mode::Reboot, Some(cluster)) = (self.mode, &cluster) {
            self.standing.closes(true);
            match cluster.drain(name.as_ref()).await {
                Ok(out) => drained = out,
                Err(why) => return State::Refused { why: format!("it may not restart now: {why}") },
            }
            self.standing.closes(drained.as_ref().is_some_and(Drained::opens));
        }
        // Half of the time is for services that come up slowly; the rest for saying so.
        let patience = (self.deadline / 2).min(Duration::from_mins(2));
        let well = async |machine: &Machine| health::as_before(machine, self.loaded, name, &before, patience).await;
        let progress = self.standing.progress();
        let ended = match what {
            What::System(closure) => {
                let wanted =
                    Deploy { closure, mode: self.mode, deadline: self.deadline, only_boot_entry: false, progress };
                deploy(self.machine, &wanted, well, story).await
            }
            What::Generation(to) => rollback(self.machine, to, self.mode, self.deadline, well, (story, progress)).await,
        };
        let state = State::of(ended);
        let (Some(drained), Some(cluster)) = (drained, cluster) else { return state };
        match (cluster.restore(&drained).await, state) {
            (Ok(()), state) => {
                self.standing.closes(false);
                state
            }
            (Err(why), State::Deployed { generation }) => {
                State::Failed { why: format!("it runs generation {generation}, but {why}") }
            }
            (Err(why), state) => {
                story.note(name.to_string(), why);
                state
            }
        }
    }

    /// A server of the cluster that was not met and speaks for it: wanted where a node restarts and none was met.
    async fn server(&self) -> Result<Option<Machine>, String> {
        let machines = &self.loaded.fleet.machines;
        let servers: Vec<&HostName> =
            machines.iter().filter(|(_, machine)| machine.role == Role::K3sServer).map(|(name, _)| name).collect();
        let role = machines.get(self.name).map_or(Role::None, |machine| machine.role);
        let others = servers.iter().filter(|name| **name != self.name);
        if self.mode != Mode::Reboot || role == Role::None || others.clone().any(|name| self.met.contains_key(*name)) {
            return Ok(None);
        }
        let mut said = Vec::new();
        for name in others {
            match reach::reach_as(self.loaded, name, System::Installed, &self.context.story).await {
                Ok(machine) => return Ok(Some(machine)),
                Err(failure) => said.push(failure.to_string()),
            }
        }
        // A server can speak for itself.
        if role == Role::K3sServer || servers.is_empty() {
            return Ok(None);
        }
        Err(format!("no server of its cluster answers, so it cannot be drained: {}", said.join("; ")))
    }

    /// The cluster that the machine is a node of, spoken to on a server that is not this machine, if there is one.
    fn cluster<'a>(&'a self, server: Option<&'a Machine>) -> Option<Cluster<'a>> {
        let machines = &self.loaded.fleet.machines;
        let is = |name: &HostName, role| machines.get(name).is_some_and(|machine| machine.role == role);
        if is(self.name, Role::None) {
            return None;
        }
        let met = self.met.iter().find(|(name, _)| *name != self.name && is(name, Role::K3sServer));
        let itself = is(self.name, Role::K3sServer).then_some(self.machine);
        let via = met.map(|(_, met)| &met.machine).or(server).or(itself)?;
        let declared = machines.values().filter(|machine| machine.role == Role::K3sServer).count();
        Some(Cluster { via, declared, story: &self.context.story })
    }
}
