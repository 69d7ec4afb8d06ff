//! Removing what the fleet no longer has: in the end, when everything else is ready, one object after another.

use crate::bring::{Brought, Work, patient};
use crate::inventory::Inventory;
use crate::name::Name;
use crate::plan::{Kept, Plan, in_order};
use crate::stop::Stop;
use crate::wait::AGAIN;
use cluster::Key;
use tokio::time::Instant;

impl Work<'_> {
    /// Removes what the fleet no longer has, one after another, and forgets what is gone.
    pub async fn prune(&self, whole: &Plan, mut inventory: Inventory, brought: &mut Brought) -> Result<(), Stop> {
        let before = inventory.clone();
        let declared: Vec<Key> =
            in_order(self.order.manifests).into_iter().map(|(_, _, object)| object.key()).collect();
        for (key, _) in before.backwards().into_iter().filter(|(key, _)| !declared.iter().any(|it| it.is(key))) {
            let Some(pruning) = whole.former.iter().find(|pruning| pruning.key == key) else {
                inventory.take(&key);
                continue;
            };
            match pruning.kept {
                Some(Kept::Data) => {
                    let object = &pruning.object;
                    let how = format!("kept: {object}, for data goes with it; to remove it: --prune {object}");
                    self.order.story.note(self.order.name, how);
                    brought.kept.push(object.clone());
                }
                Some(Kept::Foreign) => inventory.take(&key),
                None => {
                    self.remove(&key, &pruning.uid).await?;
                    brought.removed.push(pruning.object.clone());
                    inventory.take(&key);
                }
            }
        }
        if inventory == before { Ok(()) } else { self.write(&inventory).await }
    }

    async fn remove(&self, key: &Key, uid: &str) -> Result<(), Stop> {
        let span = self.order.deadlines.removal;
        let end = Instant::now() + span;
        let name = Name::from(key);
        self.order.story.stage(self.order.name, format!("removes {name}"));
        match patient(self.order, end, || self.cluster.delete(key, uid)).await {
            Ok(()) => {}
            Err(error) if error.is_missing() => return Ok(()),
            Err(source) => return Err(Stop::Removal { object: name, why: source.to_string() }),
        }
        loop {
            let live = patient(self.order, end, || self.cluster.get(key)).await?;
            let Some(live) = live.filter(|live| live["metadata"]["uid"] == uid) else { return Ok(()) };
            if Instant::now() >= end {
                let holders = live["metadata"]["finalizers"].as_array().into_iter().flatten();
                let holders = holders.filter_map(|it| it.as_str()).collect::<Vec<_>>().join(", ");
                let why = format!("it is still there after {} s; what holds it: {holders}", span.as_secs());
                return Err(Stop::Removal { object: name, why });
            }
            tokio::time::sleep(AGAIN / 4).await;
        }
    }
}
