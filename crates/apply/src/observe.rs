//! What a cluster tells of the fleet's objects: as they are, what applying them would come to, and what was made before.
//! Nothing is changed.

use crate::LABEL;
use crate::client::{AskError, Cluster, How};
use crate::inventory::Inventory;
use crate::name::Consent;
use crate::owners::{is_ours, is_placed};
use crate::plan::{Observed, Told, Would, in_order, may_take};
use crate::refusal::Refusal;
use crate::volume::moved;
use cluster::kinds::KINDS;
use cluster::{Key, Manifest, Object, Wave};
use futures_util::StreamExt as _;
use serde_json::Value;

/// The annotation by which k3s knows the file, up to its first dot.
const FILE: &str = "objectset.rio.cattle.io/owner-name";
/// How many objects are asked for at once.
const AT_ONCE: usize = 8;

impl Cluster {
    /// What the cluster tells of these objects, and of those that were made before and are none of these.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn observe(&self, manifests: &[Manifest], consent: &Consent) -> Result<Observed, AskError> {
        let objects: Vec<&Object> = in_order(manifests).into_iter().map(|(_, _, object)| object).collect();
        let written = self.inventory().await?;
        let mut observed = Observed { inventory: written.clone(), written, ..Observed::default() };
        for (key, wave) in self.placed().await? {
            if !observed.inventory.has(&key) {
                observed.inventory.put(key, wave);
            }
        }
        let told = self.tell(&objects, consent).await?;
        observed.objects = objects.iter().map(|object| object.key()).zip(told).collect();
        for (key, _) in observed.inventory.backwards() {
            if observed.objects.keys().any(|declared| declared.is(&key)) {
                continue;
            }
            if let Some(live) = self.get(&key).await? {
                observed.former.insert(key, live);
            }
        }
        Ok(observed)
    }

    /// What k3s has made from files of the fleet, also from such as are gone by now, and the namespaces that the machines' Secrets
    /// have made: homehive may never have applied it. Each with the wave of its file. The Secrets themselves are the machines'
    /// to remove.
    async fn placed(&self) -> Result<Vec<(Key, Wave)>, AskError> {
        let selector = format!("{LABEL}=homehive");
        let asked = KINDS.iter().map(|(version, kind)| self.list(version, kind, None, &selector));
        let all: Vec<Result<Vec<Value>, AskError>> =
            futures_util::stream::iter(asked).buffered(AT_ONCE).collect().await;
        let mut placed = Vec::new();
        for ((version, kind), live) in KINDS.iter().zip(all) {
            let is_meant = |live: &Value| is_placed(live) || (*kind == "Namespace" && is_ours(live));
            for live in live?.into_iter().filter(is_meant) {
                let text = |field: &str| live["metadata"][field].as_str().map(str::to_owned);
                let (api_version, kind) = ((*version).to_owned(), (*kind).to_owned());
                let key =
                    Key { api_version, kind, namespace: text("namespace"), name: text("name").unwrap_or_default() };
                let other = if key.kind == "Namespace" { Wave::Ground } else { Wave::Objects };
                let file = live["metadata"]["annotations"][FILE].as_str().unwrap_or_default();
                let wave = Wave::ALL.into_iter().find(|wave| file.starts_with(&format!("{}-", wave.number())));
                placed.push((key, wave.unwrap_or(other)));
            }
        }
        Ok(placed)
    }

    /// What homehive has made.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub async fn inventory(&self) -> Result<Inventory, AskError> {
        Ok(self.get(&Inventory::key()).await?.map(|object| Inventory::read(&object)).unwrap_or_default())
    }

    /// What it tells of these, in their order.
    pub(crate) async fn tell(&self, objects: &[&Object], consent: &Consent) -> Result<Vec<Told>, AskError> {
        let asked = objects.iter().map(|object| self.told(object, consent));
        let told: Vec<Result<Told, AskError>> = futures_util::stream::iter(asked).buffered(AT_ONCE).collect().await;
        told.into_iter().collect()
    }

    async fn told(&self, object: &Object, consent: &Consent) -> Result<Told, AskError> {
        let key = object.key();
        if self.kind(&key).await?.is_none() {
            let why = format!("the kind {} of {} is not there yet", key.kind, key.api_version);
            return Ok(Told { live: None, would: Would::Unknown(why) });
        }
        let live = self.get(&key).await?;
        let would = match self.apply(object, How { dry: true, force: false }).await {
            Err(error) => match refused(error)? {
                Would::Conflict(conflicts) if may_take(&key, live.as_ref(), &conflicts, consent) => {
                    match self.apply(object, How { dry: true, force: true }).await {
                        Ok(would) => Would::Force(conflicts, would),
                        Err(error) => refused(error)?,
                    }
                }
                other => other,
            },
            Ok(would) => Would::Be(would),
        };
        let would = match (would, &live) {
            (Would::Refused(why), Some(live)) => Would::Refused(moved(live, object.value()).unwrap_or(why)),
            (would, _) => would,
        };
        Ok(Told { live, would })
    }
}

fn refused(error: AskError) -> Result<Would, AskError> {
    Ok(match error.refusal() {
        Some(Refusal::Conflict(conflicts)) => Would::Conflict(conflicts),
        Some(Refusal::Missing(why) | Refusal::NotNow(why)) => Would::Unknown(why),
        Some(Refusal::Wrong(why)) if why.contains("does not support dry run") => Would::Unknown(why),
        Some(Refusal::Wrong(why)) => Would::Refused(why),
        None => return Err(error),
    })
}
