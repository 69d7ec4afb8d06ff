//! A small home for tests: a LAN of two sides, an API server, and the publisher between them, as a program of its own.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "support of tests: what goes wrong ends the test, and each uses a part of it"
)]

#[path = "../../../apply/tests/apiserver/mod.rs"]
mod apiserver;
#[path = "../lan/mod.rs"]
mod lan;
mod objects;

pub use apiserver::ApiServer;
pub use lan::{Lan, Lines};
pub use objects::Objects;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The publisher, running on one side of the LAN.
pub struct Publisher {
    child: Child,
    /// What it says.
    pub said: Lines,
}

impl Publisher {
    /// Starts it.
    pub fn start(side: &lan::Side, kubeconfig: &Path) -> Self {
        let program = std::env::var_os("HOMEHIVE_PUBLISH_SHARES");
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_homehive-publish-shares").into());
        let mut child = side
            .command(program.to_str().unwrap())
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Lines::of(child.stderr.take().unwrap());
        Self { child, said }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it on the spot.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub fn terminate(mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.said.wait(&["everything is withdrawn"]);
        self.child.wait().unwrap()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All of it.
pub struct Home {
    /// The LAN.
    pub lan: Lan,
    /// The API server.
    pub api: ApiServer,
    /// What is in it.
    pub objects: Objects,
}

impl Home {
    /// None where it cannot be; the reason has been told.
    pub fn start() -> Option<Self> {
        let lan = Lan::start()?;
        let api = ApiServer::start()?;
        let objects = Objects::open(&api);
        Some(Self { lan, api, objects })
    }

    /// The publisher on side A, with its own rights alone.
    pub fn publisher(&self) -> Publisher {
        Publisher::start(&self.lan.a, &self.objects.kubeconfig)
    }
}

/// Asks again until it is so: for what tells nobody when it changes.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not within a minute");
    }
}
