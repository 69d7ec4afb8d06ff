//! A cluster's node before and after a restart: drained while the others stay in quorum, and open again afterwards. When
//! that is allowed is `quorum`'s business.

use super::quorum::{Node, may_go_down, nodes};
use cmd::Cmd;
use machine::{Machine, Output, Story};
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

impl Drained {
    /// Is it opened again once it is back? Not where somebody else had closed it.
    pub fn opens(&self) -> bool {
        !self.cordoned
    }
}

fn kubectl(words: &[&str]) -> Cmd {
    Cmd::new("k3s").arg("kubectl").args(words.iter().copied())
}

/// Is there a k3s? `env` answers for it where there is none, whatever shell or sudo lies in between.
fn has_k3s() -> Cmd {
    Cmd::new("env").args(["k3s", "--version"])
}

/// What [`has_k3s`] was answered: env(1) ends with 127 if there is no such program.
fn is_there(said: &Output) -> Result<bool, String> {
    match said.status {
        0 => Ok(true),
        127 => Ok(false),
        status => Err(format!("`{}` ended with exit status {status}: {}", has_k3s(), said.stderr.trim())),
    }
}

impl Cluster<'_> {
    /// Drains the node; nothing where there is no cluster, or nowhere for its pods to go.
    ///
    /// # Errors
    /// Why it may not go down now; it is open again.
    pub async fn drain(&self, name: &str) -> Result<Option<Drained>, String> {
        let said = self.via.ask(&has_k3s(), ASK).await.map_err(|error| error.to_string())?;
        if !is_there(&said)? {
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

#[cfg(test)]
mod tests {
    use super::{has_k3s, is_there};
    use cmd::Cmd;
    use machine::{Output, ask_local};
    use std::time::Duration;

    #[tokio::test]
    async fn a_program_that_is_not_there_is_told_from_one_that_fails() {
        let said = |status| Output { status, stdout: String::new(), stderr: "why".into() };
        assert_eq!((is_there(&said(0)), is_there(&said(127))), (Ok(true), Ok(false)));
        assert!(is_there(&said(1)).unwrap_err().contains("exit status 1: why"));
        // env itself, on a path without any program.
        let nowhere = Cmd::new("env").args(["PATH=/nonexistent", "/usr/bin/env", "k3s", "--version"]);
        assert_eq!(is_there(&ask_local(&nowhere, Duration::from_secs(20)).await.unwrap()), Ok(false));
        assert_eq!(has_k3s().to_string(), "env k3s --version");
    }
}
