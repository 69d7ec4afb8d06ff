//! A machine's drives: a process of their own serves them, beside its QEMU, and lives as long. It keeps what the guest has not
//! flushed apart, so that a power cut can take it.

use super::dir::{DYING, Lab};
use super::error::{LabError, files};
use crate::process::Guest;
use crate::qemu::{Files, Health};
use cmd::Cmd;
use drive::{Answer, ControlError, Loss, Lost, Order, Place};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the server may take until it answers; ordinarily some milliseconds.
const STARTING: Duration = Duration::from_secs(30);
/// How long it may take to carry an order out: everything that is cached goes to the host's files.
const ORDER: Duration = Duration::from_mins(1);
/// What a drive's cache holds, as small drives do.
const CACHE: usize = 32 << 20;
/// What every real drive writes whole or not at all.
const SECTOR: u32 = 512;

/// The word by which a program of ours serves drives: `homehive serve-drives FILE`.
pub const SERVE: &str = "serve-drives";

/// Serves the drives that a file lists, until told to leave: what a program does that is called with [`SERVE`].
///
/// # Errors
/// The list cannot be read, or the drives not served; nothing is served then.
pub fn serve_drives(list: &Path) -> Result<(), LabError> {
    let text = fs::read(list).map_err(files(list))?;
    let places: Vec<Place> = serde_json::from_slice(&text)
        .map_err(|error| files(list)(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    let place = Files { dir: list.parent().unwrap_or(Path::new("/")).to_owned() };
    drive::serve(&places, &place.orders()).map_err(|error| LabError::Drives { said: error.to_string() })
}

impl Lab {
    /// Serves the machine's drives anew; those of a machine that went off are settled first.
    pub(super) async fn serve_drives(&self, machine: &str) -> Result<(), LabError> {
        self.settle_drives(machine).await?;
        let (place, state) = (self.files(machine), self.machine(machine)?);
        let there = state.machine.disks.iter().zip(&state.health).filter(|(_, health)| **health != Health::Pulled);
        let places = there.map(|(disk, _)| Place {
            name: disk.name.clone(),
            medium: place.image(&disk.name),
            socket: place.drive(&disk.name),
            sector: SECTOR,
            cache: CACHE,
        });
        let list = place.drives();
        let text = serde_json::to_vec_pretty(&places.collect::<Vec<_>>())
            .map_err(|error| files(&list)(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        fs::write(&list, text).map_err(files(&list))?;
        let log = File::create(place.drive_log()).map_err(files(place.drive_log()))?;
        let words: Cmd = self.server.clone().arg(SERVE).arg(list.to_string_lossy().into_owned());
        let mut child = super::power::spawn(&words, &place.dir, &log).map_err(files("setsid"))?;
        let begun = Instant::now();
        loop {
            match order(&place, Order::Counts).await {
                Ok(_) => return Ok(()),
                Err(ControlError::Socket(_))
                    if begun.elapsed() < STARTING && child.try_wait().is_ok_and(|it| it.is_none()) =>
                {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => {
                    // One that hangs is of no use to anybody; it may have ended meanwhile.
                    let _ = child.kill().await;
                    let said = fs::read_to_string(place.drive_log()).unwrap_or_default();
                    return Err(LabError::Drives { said: format!("{error}; {said}") });
                }
            }
        }
    }

    /// The machine is off by its own doing, or its QEMU crashed: all that its drives still hold goes to their files, and
    /// nobody serves them any more.
    pub(crate) async fn settle_drives(&self, machine: &str) -> Result<(), LabError> {
        let place = self.files(machine);
        match order(&place, Order::Leave).await {
            // Where nobody serves them there is nothing to settle.
            Ok(_) | Err(ControlError::Socket(_)) => {}
            Err(error) => return Err(LabError::Drives { said: error.to_string() }),
        }
        for server in Guest::serving(&place.drives()) {
            if !server.gone(DYING).await && !server.kill(DYING).await {
                return Err(LabError::StaysOn { machine: format!("process {}", server.pid), deadline: DYING });
            }
        }
        let disks = self.machine(machine)?.machine.disks.iter().map(|disk| place.drive(&disk.name));
        for stale in disks.chain([place.orders()]) {
            match fs::remove_file(&stale) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(files(stale)(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The machine's QEMU was killed: what its drives had not flushed is lost as `loss` says.
    pub(super) async fn cut_drives(&self, machine: &str, loss: Loss) -> Result<BTreeMap<String, Lost>, LabError> {
        let lost = match order(&self.files(machine), Order::Cut(loss)).await {
            Ok(Answer::Lost(lost)) => lost,
            Ok(other) => return Err(LabError::Drives { said: format!("{other:?} is no answer to a power cut") }),
            Err(error) => return Err(LabError::Drives { said: error.to_string() }),
        };
        self.settle_drives(machine).await?;
        Ok(lost)
    }

    /// Gives an order to the drives of a machine that runs.
    pub async fn order_drives(&self, machine: &str, what: Order) -> Result<Answer, LabError> {
        self.on(machine)?;
        order(&self.files(machine), what).await.map_err(|error| LabError::Drives { said: error.to_string() })
    }
}

async fn order(place: &Files, order: Order) -> Result<Answer, ControlError> {
    let socket = place.orders();
    let asked = tokio::task::spawn_blocking(move || drive::ask(&socket, &order, ORDER));
    asked.await.map_err(|error| ControlError::Socket(io::Error::other(error)))?
}
