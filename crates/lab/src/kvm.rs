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
const PATIENCE: Duration = Duration::from_secs(3);
/// What the guest hands to the exit device; QEMU's exit status is then twice that and one (hw/misc/debugexit.c).
const WORD: u8 = 0x2a;
const STATUS: i32 = ((WORD as i32) << 1) | 1;

/// Starts a guest of 512 bytes under KVM and gives it three seconds to say that it ran. `dir` is for its disk.
pub async fn probe(dir: &Path) -> Verdict {
    let emulated = |reason| Verdict { accel: Accel::Emulated, reason };
    if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        return emulated(format!("/dev/kvm cannot be opened: {error}"));
    }
    let disk = dir.join(format!("kvm-probe-{}", std::process::id()));
    if let Err(error) = std::fs::write(&disk, boot_sector()) {
        return emulated(format!("the probe's disk cannot be written to {}: {error}", disk.display()));
    }
    let answer = ask_local(&guest("kvm", &disk), PATIENCE).await;
    // A file left behind is no reason to fail: it lies in the lab's own directory.
    let _ = std::fs::remove_file(&disk);
    match answer {
        Ok(output) if output.status == STATUS => {
            Verdict { accel: Accel::Kvm, reason: "a probe guest ran under KVM".into() }
        }
        Ok(output) => {
            let said = output.stderr.lines().next().unwrap_or("nothing");
            emulated(format!("a probe guest under KVM ended with status {}, and QEMU said: {said}", output.status))
        }
        Err(RunError::Late { .. }) => {
            emulated(format!("/dev/kvm opens, but a probe guest did not run within {} s", PATIENCE.as_secs()))
        }
        Err(error) => emulated(error.to_string()),
    }
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

fn guest(accel: &str, disk: &Path) -> Cmd {
    let path = disk.to_string_lossy().replace(',', ",,");
    Cmd::new("qemu-system-x86_64")
        .args(["-machine", "q35", "-accel", accel, "-nodefaults", "-no-user-config", "-display", "none", "-m", "32"])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x01", "-no-reboot"])
        .arg("-drive")
        .arg(format!("file={path},format=raw,if=none,id=probe"))
        .args(["-device", "ide-hd,drive=probe,bootindex=0"])
}

#[cfg(test)]
mod tests {
    use super::{STATUS, boot_sector, guest};
    use machine::{RunError, ask_local};
    use std::time::Duration;

    /// Under emulation the sector says its word, so silence under KVM is KVM's.
    #[tokio::test]
    async fn the_sector_runs() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("sector");
        std::fs::write(&disk, boot_sector()).unwrap();
        match ask_local(&guest("tcg", &disk), Duration::from_secs(30)).await {
            Err(RunError::Start { .. }) => eprintln!("skipped: no qemu-system-x86_64 on this machine"),
            answer => assert_eq!(answer.unwrap().status, STATUS),
        }
    }
}
