//! Whether guests really run under KVM here: on nested hosts `/dev/kvm` may open, and the guest still hang.

use cmd::Cmd;
use machine::{RunError, ask_local};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// How guests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// On the processor itself.
    Kvm,
    /// Emulated, ten times slower.
    Emulated,
}

/// What the probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How guests run.
    pub accel: Accel,
    /// Why.
    pub reason: String,
}

/// A guest that only ends needs some tens of milliseconds of a real KVM.
const SECTOR: Duration = Duration::from_secs(3);
/// A kernel that finds nothing to start needs about a second.
const KERNEL: Duration = Duration::from_secs(10);
/// What the guest hands to the exit device; QEMU's exit status is then twice that and one (hw/misc/debugexit.c).
const WORD: u8 = 0x2a;
const STATUS: i32 = ((WORD as i32) << 1) | 1;

/// Starts two guests under KVM: a boot sector that says that it ran, within three seconds, and `kernel` without anything to
/// boot, which must give up within ten: there are hosts whose KVM runs the one and not the other.
pub async fn probe(kernel: &Path) -> Verdict {
    match attempt(kernel).await {
        Ok(()) => Verdict { accel: Accel::Kvm, reason: "probe guests ran under KVM".into() },
        Err(reason) => Verdict { accel: Accel::Emulated, reason },
    }
}

async fn attempt(kernel: &Path) -> Result<(), String> {
    let device = std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm");
    device.map_err(|error| format!("/dev/kvm cannot be opened: {error}"))?;
    let disk = sector_disk().map_err(|error| format!("the probe's disk cannot be written: {error}"))?;
    run(&sector_guest("kvm", disk.path()), STATUS, SECTOR, "a guest of one sector").await?;
    run(&kernel_guest("kvm", kernel), 0, KERNEL, "a kernel").await
}

/// Runs a probe guest; why it did not do what it should.
async fn run(words: &Cmd, status: i32, deadline: Duration, what: &str) -> Result<(), String> {
    match ask_local(words, deadline).await {
        Ok(output) if output.status == status => Ok(()),
        Ok(output) => {
            let said = output.stderr.lines().next().unwrap_or("nothing");
            Err(format!("{what} under KVM ended with status {}, and QEMU said: {said}", output.status))
        }
        Err(RunError::Late { .. }) => {
            Err(format!("/dev/kvm opens, but {what} did not come to its end within {} s", deadline.as_secs()))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The boot sector on a disk that the firmware takes for one: it boots from none that has no whole cylinder.
fn sector_disk() -> std::io::Result<tempfile::NamedTempFile> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), boot_sector())?;
    file.as_file().set_len(1 << 20)?;
    Ok(file)
}

/// A sector that the firmware loads and jumps to: it writes [`WORD`] to the exit device's port, and halts.
fn boot_sector() -> [u8; 512] {
    let code = [
        0xba, 0xf4, 0x00, // mov dx, 0xf4
        0xb0, WORD, // mov al, WORD
        0xee, // out dx, al
        0xf4, // hlt
        0xeb, 0xfd, // jmp to the hlt
    ];
    let mut sector = [0; 512];
    sector[..code.len()].copy_from_slice(&code);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

fn bare(accel: &str, memory: &str) -> Cmd {
    let cpu = if accel == "kvm" { "host" } else { "max" };
    Cmd::new("qemu-system-x86_64")
        .args(["-machine", "q35", "-accel", accel, "-cpu", cpu, "-m", memory, "-no-reboot"])
        .args(["-nodefaults", "-no-user-config", "-display", "none"])
}

fn sector_guest(accel: &str, disk: &Path) -> Cmd {
    let path = disk.to_string_lossy().replace(',', ",,");
    bare(accel, "32")
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x01", "-drive"])
        .arg(format!("file={path},format=raw,if=none,id=probe"))
        .args(["-device", "ide-hd,drive=probe,bootindex=0"])
}

/// With no root to mount the kernel panics, restarts at once, and a restart ends this QEMU.
fn kernel_guest(accel: &str, kernel: &Path) -> Cmd {
    let kernel = kernel.to_string_lossy().into_owned();
    bare(accel, "512").arg("-kernel").arg(kernel).args(["-append", "panic=-1 quiet"])
}

#[cfg(test)]
mod tests {
    use super::{STATUS, kernel_guest, run, sector_disk, sector_guest};
    use crate::image::{Cache, Recipe};
    use crate::tools::{Need, require};
    use std::time::Duration;

    /// Under emulation both guests do what is expected of them, so silence under KVM is KVM's.
    #[tokio::test]
    async fn the_probe_guests_run() {
        const LONG: Duration = Duration::from_mins(2);
        if let Err(missing) = require(Need::Run) {
            println!("skipped: {missing}");
            return;
        }
        let disk = sector_disk().unwrap();
        run(&sector_guest("tcg", disk.path()), STATUS, LONG, "the sector").await.unwrap();
        let Some(image) = Cache::of_user().unwrap().find(&Recipe::installer()) else {
            println!("skipped the kernel: no guest image is cached yet");
            return;
        };
        run(&kernel_guest("tcg", &image.kernel()), 0, LONG, "the kernel").await.unwrap();
    }
}
