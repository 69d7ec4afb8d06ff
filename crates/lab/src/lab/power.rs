//! Starting and stopping machines: the switch, the power button, the power cut.

use super::dir::{DYING, Lab};
use super::error::{LabError, files};
use super::medium::Medium;
use crate::event::{Event, Observer};
use crate::qemu::{self, Boot, Files, Start};
use crate::qmp::{Qmp, QmpError};
use crate::snapshot::{Kept, Snapshots};
use cmd::Cmd;
use drive::{Loss, Lost};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How long QEMU may take until its monitor answers; ordinarily a tenth of a second.
const STARTING: Duration = Duration::from_secs(30);
/// How long its monitor may take for an answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(20);
/// How often another port is tried when somebody else was quicker to take it.
const PORTS: usize = 4;

impl Lab {
    /// Starts a machine; when this returns its QEMU runs, and its guest has begun to boot.
    pub async fn start(&mut self, machine: &str, medium: Medium<'_>, observer: Observer<'_>) -> Result<(), LabError> {
        self.switch_on(machine, medium, false, observer).await
    }

    /// Starts its QEMU, which boots, or waits for the memory that it is to have.
    pub(super) async fn switch_on(
        &mut self,
        machine: &str,
        medium: Medium<'_>,
        incoming: bool,
        observer: Observer<'_>,
    ) -> Result<(), LabError> {
        self.off(machine)?;
        let initrd = match medium {
            Medium::Installer { image, keys } => Some((self.write_initrd(self.machine(machine)?, image, keys)?, image)),
            Medium::Disks => None,
        };
        let medium = initrd.as_ref().map(|(initrd, image)| (image.kernel(), initrd.as_path(), image.squashfs()));
        let boot =
            medium.as_ref().map_or(Boot::Disks, |(kernel, initrd, squashfs)| Boot::Medium { kernel, initrd, squashfs });
        let place = self.files(machine);
        self.serve_drives(machine).await?;
        self.serve_wire().await?;
        for tries in 1.. {
            let ssh_port = port(self.machine(machine)?.ssh_port).map_err(files(&place.dir))?;
            self.machine_mut(machine)?.ssh_port = ssh_port;
            self.save_state()?;
            let state = self.machine(machine)?;
            let (accel, wire) = (self.state.accel, self.state.wire.is_some());
            let start = Start { boot: boot.clone(), accel, ssh_port, wire, incoming };
            let words = qemu::command(&state.machine, &state.health, &self.state.segment, &place, &start);
            match launch(machine, &words, &place).await {
                // Between choosing a port and taking it somebody else took it.
                Err(LabError::DidNotStart { said, .. }) if said.contains("host forwarding") && tries < PORTS => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    observer(Event::Started { machine: machine.to_owned(), ssh_port });
                    break;
                }
            }
        }
        Ok(())
    }

    /// Cuts the machine's power: its QEMU is killed, and of what it had not flushed its drives lose what `loss` says. What
    /// each lost.
    pub async fn power_cut(&self, machine: &str, loss: Loss) -> Result<BTreeMap<String, Lost>, LabError> {
        if self.on(machine)?.kill(DYING).await {
            return self.cut_drives(machine, loss).await;
        }
        Err(LabError::StaysOn { machine: machine.to_owned(), deadline: DYING })
    }

    /// Presses the machine's power button; whether the guest cares is its own affair.
    pub async fn power_button(&self, machine: &str) -> Result<(), LabError> {
        self.on(machine)?;
        self.ask(machine, "system_powerdown", json!({})).await.map(drop)
    }

    /// Waits until the machine is off, by its own doing.
    pub async fn wait_off(&self, machine: &str, deadline: Duration, observer: Observer<'_>) -> Result<(), LabError> {
        self.machine(machine)?;
        if let Some(guest) = self.guest(machine)
            && !guest.gone(deadline).await
        {
            return Err(LabError::StaysOn { machine: machine.to_owned(), deadline });
        }
        self.settle_drives(machine).await?;
        observer(Event::Off { machine: machine.to_owned() });
        Ok(())
    }

    /// Presses the power button and gives the guest `grace`; then its power is cut. Whether it went by itself.
    pub async fn stop(&self, machine: &str, grace: Duration, observer: Observer<'_>) -> Result<bool, LabError> {
        let Some(guest) = self.guest(machine) else { return Ok(true) };
        // It may go off at this very moment: then the monitor's silence is no failure.
        let pressed = self.power_button(machine).await;
        let by_itself = guest.gone(if pressed.is_ok() { grace } else { Duration::ZERO }).await;
        if !by_itself && !guest.kill(DYING).await {
            return Err(LabError::StaysOn { machine: machine.to_owned(), deadline: DYING });
        }
        self.settle_drives(machine).await?;
        observer(Event::Off { machine: machine.to_owned() });
        Ok(by_itself)
    }

    /// The machine's own snapshots.
    pub fn snapshots(&self, machine: &str) -> Snapshots {
        Snapshots::at(self.files(machine).dir.join("snapshots"))
    }

    /// Keeps the machine's disks as `name` in `snapshots`; it must be off.
    pub async fn save(&self, machine: &str, snapshots: &Snapshots, name: &str) -> Result<(), LabError> {
        self.off(machine)?;
        self.settle_drives(machine).await?;
        Ok(snapshots.save(name, &self.kept(machine)?, &self.files(machine).dir).await?)
    }

    /// Its disks as they are kept.
    pub(super) fn kept(&self, machine: &str) -> Result<Vec<Kept>, LabError> {
        let state = self.machine(machine)?;
        let disks = state.machine.disks.iter().zip(&state.health);
        Ok(disks.map(|(disk, health)| Kept { disk: disk.clone(), health: *health }).collect())
    }

    /// Puts the machine's disks back to what they were; it must be off.
    pub async fn restore(&mut self, machine: &str, snapshots: &Snapshots, name: &str) -> Result<(), LabError> {
        self.off(machine)?;
        self.settle_drives(machine).await?;
        let disks = snapshots.restore(name, &self.files(machine).dir).await?;
        let state = self.machine_mut(machine)?;
        state.health = disks.iter().map(|kept| kept.health).collect();
        state.machine.disks = disks.into_iter().map(|kept| kept.disk).collect();
        self.save_state()
    }

    /// Asks the machine's monitor one thing.
    pub(crate) async fn ask(
        &self,
        machine: &str,
        command: &str,
        arguments: serde_json::Value,
    ) -> Result<serde_json::Value, LabError> {
        let fail = |source| LabError::Monitor { machine: machine.to_owned(), source };
        self.monitor(machine).await?.execute(command, arguments, ANSWER).await.map_err(fail)
    }

    /// The machine's monitor.
    pub(crate) async fn monitor(&self, machine: &str) -> Result<Qmp, LabError> {
        let fail = |source| LabError::Monitor { machine: machine.to_owned(), source };
        Qmp::connect(&self.files(machine).monitor(), ANSWER).await.map_err(fail)
    }
}

/// The port as before if it is free, so that addresses stay; another free one otherwise.
fn port(before: u16) -> io::Result<u16> {
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr();
    Ok(free(before).or_else(|_| free(0))?.port())
}

async fn launch(machine: &str, words: &Cmd, place: &Files) -> Result<(), LabError> {
    for stale in [place.monitor(), place.shell(), place.pidfile(), place.wire_out()] {
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(files(stale)(error)),
            _ => {}
        }
    }
    let log = File::create(place.complaints()).map_err(files(place.complaints()))?;
    let mut child = spawn(words, &place.dir, &log).map_err(files("qemu-system-x86_64"))?;
    let said = || fs::read_to_string(place.complaints()).unwrap_or_default();
    let begun = Instant::now();
    loop {
        match Qmp::connect(&place.monitor(), ANSWER).await {
            Ok(_) => return Ok(()),
            // The socket is not there yet, or nobody serves it yet.
            Err(QmpError::Socket(_)) if begun.elapsed() < STARTING => {}
            Err(source) => {
                let ended = child.try_wait().is_ok_and(|status| status.is_some());
                // One that hangs is of no use to anybody; it may have ended meanwhile.
                let _ = child.kill().await;
                if ended {
                    return Err(LabError::DidNotStart { machine: machine.to_owned(), said: said() });
                }
                return Err(LabError::Monitor { machine: machine.to_owned(), source });
            }
        }
        if child.try_wait().is_ok_and(|status| status.is_some()) {
            return Err(LabError::DidNotStart { machine: machine.to_owned(), said: said() });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A session of its own, so that neither Ctrl-C nor the end of the terminal reaches it: it outlives this process.
pub(super) fn spawn(words: &Cmd, dir: &Path, log: &File) -> io::Result<Child> {
    Command::new("setsid")
        .args(words.argv())
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .spawn()
}
