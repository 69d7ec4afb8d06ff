//! The wire between a lab's machines: a process of its own is the switch that all of them are at. It lives as long as the lab.

use super::dir::{DYING, Lab, LabDir};
use super::error::{LabError, files};
use crate::process::Guest;
use crate::qemu::Files;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wire::{Answer, ControlError, Link, Order, Place, Toll};

/// How long the switch may take until it answers; ordinarily some milliseconds.
const STARTING: Duration = Duration::from_secs(30);
/// How long it may take for an answer.
const ORDER: Duration = Duration::from_secs(20);

/// The word by which a program of ours is the switch: `homehive switch-frames FILE`.
pub const SWITCH: &str = "switch-frames";

/// What the switch is told when it starts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// By which bad links lose frames.
    seed: u64,
    places: Vec<Place>,
}

/// Is the switch that a file describes, until told to leave: what a program does that is called with [`SWITCH`].
///
/// # Errors
/// The list cannot be read, or the sockets not made.
pub fn serve_wire(list: &Path) -> Result<(), LabError> {
    let text = fs::read(list).map_err(files(list))?;
    let List { seed, places } = serde_json::from_slice(&text).map_err(garbled(list))?;
    let orders = orders(list.parent().unwrap_or(Path::new("/")));
    wire::serve(&places, &orders, seed).map_err(|error| LabError::Wire { said: error.to_string() })
}

/// Where the switch of the lab at `root` takes orders.
fn orders(root: &Path) -> PathBuf {
    // No machine has a dot in its name.
    root.join("wire.orders")
}

fn garbled(list: &Path) -> impl FnOnce(serde_json::Error) -> LabError {
    let list = list.to_owned();
    |error| files(list)(io::Error::new(io::ErrorKind::InvalidData, error))
}

impl LabDir {
    /// The links that are not good; none as long as there is no switch.
    pub async fn links(&self) -> Result<Vec<Toll>, LabError> {
        match order(&self.root, Order::Links).await {
            Ok(Answer::Links(links)) => Ok(links),
            Ok(other) => Err(LabError::Wire { said: format!("{other:?} is no list of links") }),
            Err(ControlError::Socket(_)) => Ok(Vec::new()),
            Err(error) => Err(LabError::Wire { said: error.to_string() }),
        }
    }
}

impl Lab {
    /// How the way from one machine to another is from now on.
    pub async fn set_link(&self, from: &str, to: &str, link: Link) -> Result<(), LabError> {
        self.machine(from)?;
        self.machine(to)?;
        if self.state.wire.is_none() {
            return Err(LabError::NoWire);
        }
        self.serve_wire().await?;
        let toll = Toll { from: from.to_owned(), to: to.to_owned(), link };
        let done = order(&self.root, Order::Link(toll)).await;
        done.map(drop).map_err(|error| LabError::Wire { said: error.to_string() })
    }

    /// All links are good from now on.
    pub async fn mend_links(&self) -> Result<(), LabError> {
        for Toll { from, to, .. } in self.links().await? {
            self.set_link(&from, &to, Link::default()).await?;
        }
        Ok(())
    }

    /// Starts the switch, if the lab has a wire and it does not run yet.
    pub(super) async fn serve_wire(&self) -> Result<(), LabError> {
        let Some(seed) = self.state.wire else { return Ok(()) };
        let wire = |said: String| LabError::Wire { said };
        match order(&self.root, Order::Links).await {
            Ok(_) => return Ok(()),
            Err(ControlError::Socket(_)) => {}
            Err(error) => return Err(wire(error.to_string())),
        }
        let list = self.root.join("wire.json");
        // One that runs and does not answer is of no use to anybody.
        for server in Guest::serving(&list) {
            if !server.kill(DYING).await {
                return Err(LabError::StaysOn { machine: format!("process {}", server.pid), deadline: DYING });
            }
        }
        let places: Vec<Place> = self.state.machines.iter().map(|it| place(&it.machine.name, self)).collect();
        for stale in places.iter().map(|place| place.switch.clone()).chain([orders(&self.root)]) {
            match fs::remove_file(&stale) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(files(stale)(error)),
                _ => {}
            }
        }
        let text = serde_json::to_vec_pretty(&List { seed, places }).map_err(garbled(&list))?;
        fs::write(&list, text).map_err(files(&list))?;
        let said = self.root.join("wire.log");
        let log = File::create(&said).map_err(files(&said))?;
        let words = self.server.clone().arg(SWITCH).arg(list.to_string_lossy().into_owned());
        let mut child = super::power::spawn(&words, &self.root, &log).map_err(files("setsid"))?;
        let begun = Instant::now();
        loop {
            match order(&self.root, Order::Links).await {
                Ok(_) => return Ok(()),
                Err(ControlError::Socket(_))
                    if begun.elapsed() < STARTING && child.try_wait().is_ok_and(|it| it.is_none()) =>
                {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => {
                    // It may have ended meanwhile.
                    let _ = child.kill().await;
                    return Err(wire(format!("{error}; {}", fs::read_to_string(&said).unwrap_or_default())));
                }
            }
        }
    }
}

fn place(machine: &str, lab: &LabDir) -> Place {
    let files: Files = lab.files(machine);
    Place { name: machine.to_owned(), switch: files.wire_in(), machine: files.wire_out() }
}

async fn order(root: &Path, order: Order) -> Result<Answer, ControlError> {
    let socket = orders(root);
    let asked = tokio::task::spawn_blocking(move || wire::ask(&socket, &order, ORDER));
    asked.await.map_err(|error| ControlError::Socket(io::Error::other(error)))?
}
