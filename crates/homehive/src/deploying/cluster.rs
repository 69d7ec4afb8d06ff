//! A cluster's node before and after a restart: drained while the others stay in quorum, and open again afterwards. When
//! that is allowed is `quorum`'s business.

use super::quorum::{Node, may_go_down, nodes};
use cmd::Cmd;
use machine::{Machine, Story};
use std::time::{Duration, Instant};

const ASK: Duration = Duration::from_mins(1);
/// How long pods may take to end; the same is told to kubectl.
const DRAIN: Duration = Duration::from_mins(5);
/// How long a node may take to be ready once its machine is up.
const READY: Duration = Duration::from_mins(5);
/// Between two questions.
const AGAIN: Duration = Duration::from_secs(3);

/// The cluster, asked on one of its servers.
#[derive(Debug)]
pub struct Cluster<'a> {
    /// The server.
    pub via: &'a Machine,
    /// How many servers the fleet has.
    pub declared: usize,
    /// Where events go.
    pub story: &'a Story,
}

/// A node that was drained.
#[derive(Debug)]
pub struct Drained {
    name: String,
    /// Somebody else had closed it before.
    cordoned: bool,
}

fn kubectl(words: &[&str]) -> Cmd {
    Cmd::new("k3s").arg("kubectl").args(words.iter().copied())
}

impl Cluster<'_> {
    /// Drains the node; nothing where there is no cluster, or nowhere for its pods to go.
    ///
    /// # Errors
    /// Why it may not go down now; it is open again.
    pub async fn drain(&self, name: &str) -> Result<Option<Drained>, String> {
        let has = Cmd::new("sh").args(["-c", "command -v k3s"]);
        let there = self.via.ask(&has, ASK).await.map_err(|error| error.to_string())?.status == 0;
        if !there {
            self.story.note(name, "is not drained: there is no k3s on it");
            return Ok(None);
        }
        let nodes = self.nodes().await?;
        may_go_down(&nodes, name, self.declared)?;
        if nodes.len() == 1 {
            self.story.note(name, "is not drained: it is the cluster's only node, and its pods can go nowhere");
            return Ok(None);
        }
        let cordoned = nodes.iter().any(|node| node.name == name && node.cordoned);
        self.story.stage(name, "is drained of its pods");
        let timeout = format!("--timeout={}s", DRAIN.as_secs());
        let words = kubectl(&["drain", name, "--ignore-daemonsets", "--delete-emptydir-data", &timeout]);
        let drained = Drained { name: name.to_owned(), cordoned };
        match self.via.run(&words, DRAIN + ASK).await {
            Ok(_) => Ok(Some(drained)),
            Err(error) => {
                let open = self.open(&drained).await.err().map_or_else(String::new, |why| format!("; {why}"));
                Err(format!("its pods could not be moved: {error}{open}"))
            }
        }
    }

    async fn nodes(&self) -> Result<Vec<Node>, String> {
        let said = self.via.run(&kubectl(&["get", "nodes", "--output", "json"]), ASK).await;
        let said = said.map_err(|error| format!("the cluster does not say how its nodes are: {error}"))?.stdout;
        nodes(&said).ok_or_else(|| "the cluster's nodes make no sense to homehive".to_owned())
    }

    /// Opens a node for pods again, unless somebody else had closed it.
    async fn open(&self, drained: &Drained) -> Result<(), String> {
        if drained.cordoned {
            return Ok(());
        }
        let words = kubectl(&["uncordon", &drained.name]);
        let failed = |error| format!("its node stays closed to pods; open it: {words} ({error})");
        self.via.run(&words, ASK).await.map(drop).map_err(failed)
    }

    /// Waits until the node is ready, and opens it.
    ///
    /// # Errors
    /// It is not ready, or stays closed.
    pub async fn restore(&self, drained: &Drained) -> Result<(), String> {
        self.story.stage(&drained.name, "comes back to its cluster");
        let end = Instant::now() + READY;
        loop {
            let found = self.nodes().await;
            let ready = |nodes: &Vec<Node>| nodes.iter().any(|node| node.name == drained.name && node.ready);
            if found.as_ref().is_ok_and(ready) {
                return self.open(drained).await;
            }
            if Instant::now() > end {
                let minutes = READY.as_secs() / 60;
                let open = kubectl(&["uncordon", &drained.name]);
                return Err(format!(
                    "its node is not ready after {minutes} min, and stays closed to pods; once it is: {open}"
                ));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
