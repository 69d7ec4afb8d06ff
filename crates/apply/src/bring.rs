//! Bringing a cluster to the objects of the fleet: wave by wave, each complete and ready before the next begins, and in
//! the end what the fleet no longer has is removed. It can be cut at any point: the next run sees what is there.

use crate::client::{AskError, Cluster, How};
use crate::inventory::Inventory;
use crate::name::{Consent, Name};
use crate::plan::{Change, Observed, Plan, Told, What, in_order, plan};
use crate::ready::Readiness;
use crate::refusal::Refusal;
use crate::stop::{Stop, late};
use crate::wait::{AGAIN, Awaited};
use cluster::{Key, Manifest, Object, Wave};
use machine::{Event, Story};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// What is to be there, and how.
#[derive(Debug)]
pub struct Order<'a> {
    /// The fleet's objects.
    pub manifests: &'a [Manifest],
    /// What was named.
    pub consent: &'a Consent,
    /// How long each wave may take.
    pub deadlines: Deadlines,
    /// What the cluster is called where its progress is told.
    pub name: &'a str,
    /// Where its progress is told.
    pub story: &'a Story,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// A wave that fetches images and starts programs.
    pub long: Duration,
    /// Any other wave.
    pub short: Duration,
    /// One object until it is gone.
    pub removal: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { long: Duration::from_mins(20), short: Duration::from_mins(3), removal: Duration::from_mins(5) }
    }
}

impl Deadlines {
    /// The same for all.
    pub fn all(span: Duration) -> Self {
        Self { long: span, short: span, removal: span }
    }

    fn of(self, wave: Wave) -> Duration {
        match wave {
            Wave::Operators | Wave::Objects => self.long,
            Wave::Ground | Wave::Definitions | Wave::Policies => self.short,
        }
    }
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Brought {
    /// Objects that were made.
    pub created: Vec<Name>,
    /// Objects that were changed.
    pub changed: Vec<Name>,
    /// How many were as the fleet says.
    pub same: usize,
    /// Objects that were removed.
    pub removed: Vec<Name>,
    /// Objects that the fleet no longer has, and that are kept, for data goes with them.
    pub kept: Vec<Name>,
}

/// An object of the fleet on its way.
struct Item<'a> {
    step: usize,
    file: String,
    object: &'a Object,
}

/// Does it.
///
/// # Errors
/// Why it stopped, and where. What was done until then stays, and the same again goes on from there.
pub async fn bring(cluster: &Cluster, order: &Order<'_>) -> Result<Brought, Stop> {
    let patience = Instant::now() + order.deadlines.short;
    let observed = patient(order, patience, || cluster.observe(order.manifests, order.consent)).await?;
    let whole = plan(order.manifests, &observed, order.consent);
    let unknown = whole.unknown(order.consent);
    if !unknown.is_empty() {
        return Err(Stop::Unknown { unknown });
    }
    let conflicts: Vec<Change> = whole.conflicts().into_iter().cloned().collect();
    if !conflicts.is_empty() {
        return Err(Stop::Conflicts { changes: conflicts });
    }
    let work = Work { cluster, order, of: whole.objects.len() };
    let inventory = work.remember(&observed, &whole).await?;
    let mut brought = Brought::default();
    let mut items: BTreeMap<Wave, Vec<Item<'_>>> = BTreeMap::new();
    for (step, (wave, file, object)) in in_order(order.manifests).into_iter().enumerate() {
        items.entry(wave).or_default().push(Item { step: step + 1, file, object });
    }
    for (wave, mut items) in items {
        // What others lie in goes first, whatever its file is called.
        items.sort_by_key(|item| item.object.key().kind != "Namespace");
        work.wave(wave, &items, &inventory, &mut brought).await?;
    }
    work.prune(&whole, inventory, &mut brought).await?;
    Ok(brought)
}

/// Asks until there is an answer, or the time is over: a server that starts again is waited for, and that is said.
pub(crate) async fn patient<T>(
    order: &Order<'_>,
    end: Instant,
    ask: impl AsyncFn() -> Result<T, AskError>,
) -> Result<T, AskError> {
    let mut told = String::new();
    loop {
        match ask().await {
            Err(error) if error.may_pass() && Instant::now() < end => {
                let why = error.to_string();
                if told != why {
                    order.story.note(order.name, format!("waits: {why}"));
                    told = why;
                }
                tokio::time::sleep(AGAIN).await;
            }
            asked => return asked,
        }
    }
}

pub(crate) struct Work<'a> {
    pub cluster: &'a Cluster,
    pub order: &'a Order<'a>,
    of: usize,
}

impl Work<'_> {
    /// Writes down what is about to be made, before it is: what a cut leaves behind is known all the same.
    async fn remember(&self, observed: &Observed, whole: &Plan) -> Result<Inventory, Stop> {
        let mut inventory = observed.inventory.clone();
        for ((wave, _, object), change) in in_order(self.order.manifests).into_iter().zip(&whole.objects) {
            if change.ours {
                inventory.put(object.key(), wave);
            }
        }
        if inventory != observed.written {
            self.write(&inventory).await?;
        }
        Ok(inventory)
    }

    pub async fn write(&self, inventory: &Inventory) -> Result<(), Stop> {
        let object = inventory.object().map_err(|source| Stop::Inventory { why: source.to_string() })?;
        let forced = How { dry: false, force: true };
        let end = Instant::now() + self.order.deadlines.short;
        let written = patient(self.order, end, || self.cluster.apply(&object, forced)).await;
        written.map(drop).map_err(|source| Stop::Inventory { why: source.to_string() })
    }

    async fn wave(&self, wave: Wave, items: &[Item<'_>], made: &Inventory, brought: &mut Brought) -> Result<(), Stop> {
        let span = self.order.deadlines.of(wave);
        let end = Instant::now() + span;
        let objects: Vec<&Object> = items.iter().map(|item| item.object).collect();
        self.passable(wave, items, &objects, end, span).await?;
        let told = patient(self.order, end, || self.cluster.tell(&objects, self.order.consent)).await?;
        let changes = self.changes(wave, items, made, &told);
        let conflicts: Vec<Change> =
            changes.iter().filter(|it| matches!(it.what, What::Conflict { .. })).cloned().collect();
        if !conflicts.is_empty() {
            return Err(Stop::Conflicts { changes: conflicts });
        }
        if let Some((change, why)) = changes.iter().find_map(|change| match &change.what {
            What::Refused { why } => Some((change, why)),
            _ => None,
        }) {
            let (object, file, wave) = (change.object.clone(), change.file.clone(), wave.number());
            return Err(Stop::Object { object, file, wave, why: why.clone() });
        }
        let mut awaited = Vec::new();
        for (item, change) in items.iter().zip(&changes) {
            awaited.push(self.one(wave, item, &change.what, end).await?);
            match change.what {
                What::Same => brought.same += 1,
                What::Create { .. } => brought.created.push(change.object.clone()),
                _ => brought.changed.push(change.object.clone()),
            }
        }
        self.ready(wave, awaited, end, span).await
    }

    fn changes(&self, wave: Wave, items: &[Item<'_>], made: &Inventory, told: &[Told]) -> Vec<Change> {
        let objects = items.iter().map(|item| item.object.key()).zip(told.iter().cloned()).collect();
        let observed = Observed { objects, inventory: made.clone(), ..Observed::default() };
        let files: Vec<Manifest> = items
            .iter()
            .map(|item| Manifest {
                wave,
                name: item.file.clone(),
                head: String::new(),
                objects: vec![item.object.clone()],
            })
            .collect();
        let one = |(file, item): (&Manifest, &Item<'_>)| {
            let mut change = plan(std::slice::from_ref(file), &observed, self.order.consent).objects.pop()?;
            change.file.clone_from(&item.file);
            Some(change)
        };
        files.iter().zip(items).filter_map(one).collect()
    }

    /// Waits until the kinds of these objects are there (earlier waves have brought them, or their charts will), and the webhooks that they pass through answer.
    async fn passable(
        &self,
        wave: Wave,
        items: &[Item<'_>],
        objects: &[&Object],
        end: Instant,
        span: Duration,
    ) -> Result<(), Stop> {
        let mut told = String::new();
        loop {
            let missing = match self.missing(items, objects).await {
                Ok(None) => return Ok(()),
                Ok(Some(missing)) => missing,
                Err(error) if error.may_pass() && Instant::now() < end => (None, error.to_string()),
                Err(error) => return Err(error.into()),
            };
            let (key, why) = missing;
            if let Some(key) = key.filter(|_| Instant::now() >= end) {
                return Err(Stop::Late { wave: wave.number(), span, waiting: late(&[(&key, &why)]) });
            }
            if told != why {
                self.order.story.note(self.order.name, format!("waits: {why}"));
                told = why;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The first of these objects that the cluster cannot take yet, and why.
    async fn missing(
        &self,
        items: &[Item<'_>],
        objects: &[&Object],
    ) -> Result<Option<(Option<Key>, String)>, AskError> {
        for item in items {
            let key = item.object.key();
            if self.cluster.kind(&key).await?.is_none() {
                let why = format!("the kind {} of {} is not there", key.kind, key.api_version);
                return Ok(Some((Some(key), why)));
            }
        }
        let first = items.first().map(|item| item.object.key());
        Ok(self.cluster.webhooks(objects).await?.map(|why| (first, why)))
    }

    /// Applies one object.
    async fn one(&self, wave: Wave, item: &Item<'_>, what: &What, end: Instant) -> Result<Awaited, Stop> {
        let key = item.object.key();
        let name = Name::from(&key);
        let (text, force) = match what {
            What::Same => ("as the fleet says", false),
            What::Create { .. } => ("create", false),
            What::Change { forced, .. } => ("change", !forced.is_empty()),
            _ => ("apply", false),
        };
        let mut awaited = Awaited {
            step: item.step,
            key: key.clone(),
            file: item.file.clone(),
            text: format!("{text} {name}"),
            told: false,
            since: Instant::now(),
            job: None,
            why: String::new(),
        };
        if *what == What::Same {
            return Ok(awaited);
        }
        self.begin(&mut awaited);
        if key.kind == "HelmChart" && matches!(what, What::Change { .. } | What::Unknown { .. }) {
            awaited.job = self.cluster.job_uid(&key).await?;
        }
        loop {
            let stop = |why: String| {
                Err(Stop::Object { object: name.clone(), file: item.file.clone(), wave: wave.number(), why })
            };
            match self.cluster.put(item.object, force, what).await {
                Ok(()) => break,
                // A server that starts again; sent twice, it is the same.
                Err(error) if error.refusal().is_none() && error.may_pass() && Instant::now() < end => {
                    self.order.story.note(self.order.name, format!("{name}: waits: {error}"));
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => match error.refusal() {
                    None => return Err(error.into()),
                    // A webhook that answers in a moment, an object that was changed just now.
                    Some(Refusal::NotNow(why)) if Instant::now() < end => {
                        if awaited.why != why {
                            self.order.story.note(self.order.name, format!("{name}: not now: {why}"));
                            awaited.why = why;
                        }
                        tokio::time::sleep(AGAIN).await;
                    }
                    Some(Refusal::Conflict(conflicts)) => {
                        let what = What::Conflict { conflicts };
                        let (object, file, wave) = (name, item.file.clone(), wave.number());
                        return Err(Stop::Conflicts {
                            changes: vec![Change { object, wave, file, what, ours: false }],
                        });
                    }
                    Some(Refusal::Missing(why) | Refusal::Wrong(why) | Refusal::NotNow(why)) => return stop(why),
                },
            }
        }
        awaited.since = Instant::now();
        Ok(awaited)
    }

    fn begin(&self, awaited: &mut Awaited) {
        let (machine, step, of, text) = (self.order.name.to_owned(), awaited.step, self.of, awaited.text.clone());
        self.order.story.tell(Event::StepStarted { machine, step, of, text });
        awaited.told = true;
    }

    /// Waits until all of them are ready.
    async fn ready(&self, wave: Wave, mut all: Vec<Awaited>, end: Instant, span: Duration) -> Result<(), Stop> {
        loop {
            let mut left = Vec::new();
            for mut awaited in all {
                match self.cluster.readiness(&awaited).await {
                    Ok(Readiness::Ready) => self.done(&awaited),
                    Ok(Readiness::Failed(why)) => {
                        let why = [Some(why), self.cluster.pods_say(&awaited.key).await];
                        let why = why.into_iter().flatten().collect::<Vec<_>>().join("; ");
                        let (object, file) = (Name::from(&awaited.key), awaited.file);
                        return Err(Stop::Object { object, file, wave: wave.number(), why });
                    }
                    Ok(Readiness::Waiting(why)) => {
                        if !awaited.told {
                            self.begin(&mut awaited);
                        }
                        if awaited.why != why {
                            let name = Name::from(&awaited.key);
                            self.order.story.note(self.order.name, format!("{name}: {why}"));
                            awaited.why = why;
                        }
                        left.push(awaited);
                    }
                    // A server that starts again, for a moment, ends nothing.
                    Err(error) if error.may_pass() && Instant::now() < end => {
                        let why = error.to_string();
                        if awaited.why != why {
                            self.order.story.note(self.order.name, format!("waits: {why}"));
                            awaited.why = why;
                        }
                        left.push(awaited);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= end {
                let mut waiting = Vec::new();
                for awaited in &left {
                    let why = [Some(awaited.why.clone()), self.cluster.pods_say(&awaited.key).await];
                    waiting.push((&awaited.key, why.into_iter().flatten().collect::<Vec<_>>().join("; ")));
                }
                let waiting: Vec<(&Key, &str)> = waiting.iter().map(|(key, why)| (*key, why.as_str())).collect();
                return Err(Stop::Late { wave: wave.number(), span, waiting: late(&waiting) });
            }
            all = left;
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn done(&self, awaited: &Awaited) {
        if awaited.told {
            let (machine, step, of) = (self.order.name.to_owned(), awaited.step, self.of);
            let (text, seconds) = (awaited.text.clone(), awaited.since.elapsed().as_secs_f64());
            self.order.story.tell(Event::StepDone { machine, step, of, text, seconds });
        }
    }
}
