//! A running machine kept with its memory, and brought back in the midst of what it did. QEMU writes the memory to a socket of
//! ours, as if to another host.

use super::dir::{DYING, Lab};
use super::error::{LabError, files};
use super::medium::Medium;
use super::power::ANSWER;
use crate::event::Observer;
use crate::process::Guest;
use crate::qemu::{Health, pull_id};
use crate::qmp::{Qmp, QmpError};
use crate::snapshot::Booted;
use crate::snapshot::{MEMORY, Snapshots};
use drive::Order;
use serde_json::json;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

/// How long some hundred MiB of memory may take from or to a slow disk.
const MOVING: Duration = Duration::from_mins(5);
/// How often QEMU is asked how far it is.
const PAUSE: Duration = Duration::from_millis(50);
/// As fast as it can: by itself QEMU keeps to what a network bears.
const BANDWIDTH: u64 = 1 << 40;

impl Lab {
    /// Stops a machine's time; [`Lab::go_on`] lets it run on.
    pub async fn pause(&self, machine: &str) -> Result<(), LabError> {
        self.on(machine)?;
        self.ask(machine, "stop", json!({})).await.map(drop)
    }

    /// Lets a machine that was stopped run on.
    pub async fn go_on(&self, machine: &str) -> Result<(), LabError> {
        let end = Instant::now() + ANSWER;
        loop {
            match self.ask(machine, "cont", json!({})).await {
                // Whoever kept its memory has broken off: QEMU takes a moment to notice that.
                Err(LabError::Monitor { source: QmpError::Refused { .. }, .. }) if Instant::now() < end => {
                    sleep(PAUSE).await;
                }
                told => return told.map(drop),
            }
        }
    }

    /// Keeps a machine that was [stopped](Lab::pause), memory and disks, as `name` in `snapshots`. What its drives had in
    /// their caches is on the disks that are kept.
    ///
    /// # Errors
    /// QEMU cannot keep the state of every device: not that of an NVMe controller. Nothing is kept then.
    pub async fn save_running(&self, machine: &str, snapshots: &Snapshots, name: &str) -> Result<(), LabError> {
        let words = words(&self.on(machine)?)?;
        self.check_devices(machine, &words)?;
        let booted = if words.iter().any(|word| word == "-kernel") { Booted::Medium } else { Booted::Disks };
        let place = snapshots.begin(name)?;
        self.write_memory(machine, &place.join(MEMORY)).await?;
        self.order_drives(machine, Order::Settle).await?;
        let mark = place.join(booted.mark());
        File::create(&mark).map_err(files(&mark))?;
        Ok(snapshots.finish(name, &self.kept(machine)?, &self.files(machine).dir).await?)
    }

    /// A new QEMU has no place for what was pulled out of this one, and so cannot take its memory over.
    fn check_devices(&self, machine: &str, words: &[String]) -> Result<(), LabError> {
        let state = self.machine(machine)?;
        for (at, (disk, health)) in state.machine.disks.iter().zip(&state.health).enumerate() {
            let device = format!("id={},", pull_id(at, disk.kind));
            if *health == Health::Pulled && words.iter().any(|word| format!("{word},").contains(&device)) {
                let why = format!("disk `{}` was pulled out of it since it was switched on", disk.name);
                return Err(LabError::Unkept { machine: machine.to_owned(), why });
            }
        }
        Ok(())
    }

    async fn write_memory(&self, machine: &str, to: &Path) -> Result<(), LabError> {
        let fail = |source| LabError::Monitor { machine: machine.to_owned(), source };
        let socket = self.files(machine).memory();
        remove(&socket)?;
        let listener = UnixListener::bind(&socket).map_err(files(&socket))?;
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(to).map_err(files(to))?;
        let mut file = tokio::fs::File::from_std(file);
        let take = async {
            let written = async {
                let (mut stream, _) = listener.accept().await?;
                tokio::io::copy(&mut stream, &mut file).await?;
                file.sync_all().await
            };
            written.await.map_err(files(to))
        };
        let mut qmp = self.monitor(machine).await?;
        let give = async {
            qmp.execute("migrate-set-parameters", json!({ "max-bandwidth": BANDWIDTH }), ANSWER).await.map_err(fail)?;
            let uri = json!({ "uri": format!("unix:{}", socket.display()) });
            qmp.execute("migrate", uri, ANSWER).await.map_err(|error| match error {
                QmpError::Refused { said, .. } => LabError::Unkept { machine: machine.to_owned(), why: said },
                other => fail(other),
            })?;
            self.moved(&mut qmp, machine).await
        };
        let both = timeout(MOVING, async { tokio::try_join!(give, take) }).await;
        both.map_err(|_| late(machine))??;
        remove(&socket)
    }

    /// Brings back a machine that is off, with the memory of a snapshot whose disks were restored before: it goes on where it
    /// was when the snapshot was taken. `medium` must be what it had booted from.
    pub async fn resume(
        &mut self,
        machine: &str,
        memory: &Path,
        medium: Medium<'_>,
        observer: Observer<'_>,
    ) -> Result<(), LabError> {
        self.switch_on(machine, medium, true, observer).await?;
        let resumed = self.read_memory(machine, memory).await;
        if resumed.is_err() {
            // Half a machine is of no use to anybody.
            if let Some(guest) = self.guest(machine) {
                guest.kill(DYING).await;
            }
            self.settle_drives(machine).await?;
        }
        resumed
    }

    async fn read_memory(&self, machine: &str, from: &Path) -> Result<(), LabError> {
        let fail = |source| LabError::Monitor { machine: machine.to_owned(), source };
        let socket = self.files(machine).memory();
        remove(&socket)?;
        let mut qmp = self.monitor(machine).await?;
        let uri = json!({ "uri": format!("unix:{}", socket.display()) });
        qmp.execute("migrate-incoming", uri, ANSWER).await.map_err(fail)?;
        let give = async {
            let mut stream = UnixStream::connect(&socket).await?;
            let mut file = tokio::fs::File::open(from).await?;
            tokio::io::copy(&mut file, &mut stream).await
        };
        timeout(MOVING, give).await.map_err(|_| late(machine))?.map_err(files(from))?;
        self.moved(&mut qmp, machine).await?;
        qmp.execute("cont", json!({}), ANSWER).await.map_err(fail)?;
        remove(&socket)
    }

    /// Waits until QEMU has moved all of the memory.
    async fn moved(&self, qmp: &mut Qmp, machine: &str) -> Result<(), LabError> {
        let end = Instant::now() + MOVING;
        while Instant::now() < end {
            let told = qmp.execute("query-migrate", json!({}), ANSWER).await;
            let told = told.map_err(|source| LabError::Monitor { machine: machine.to_owned(), source })?;
            match told["status"].as_str() {
                Some("completed") => return Ok(()),
                Some("failed" | "cancelled") => {
                    let said = || fs::read_to_string(self.files(machine).complaints()).unwrap_or_default();
                    let why = told["error-desc"].as_str().map_or_else(said, str::to_owned);
                    return Err(LabError::Memory { machine: machine.to_owned(), why });
                }
                Some(_) | None => sleep(PAUSE).await,
            }
        }
        Err(late(machine))
    }
}

fn late(machine: &str) -> LabError {
    LabError::Memory { machine: machine.to_owned(), why: format!("QEMU did not move it within {} s", MOVING.as_secs()) }
}

/// The words with which a machine's QEMU was started.
fn words(guest: &Guest) -> Result<Vec<String>, LabError> {
    let path = format!("/proc/{}/cmdline", guest.pid);
    let bytes = fs::read(&path).map_err(files(&path))?;
    Ok(bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect())
}

fn remove(socket: &Path) -> Result<(), LabError> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(files(socket)(error)),
        _ => Ok(()),
    }
}
