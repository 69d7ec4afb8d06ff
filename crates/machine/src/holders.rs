//! Who uses a block device: for the error of a step that could not have it.

use crate::{Machine, ProgramError, RunError};
use cmd::Cmd;
use std::time::Duration;

const SCRIPT: &str = include_str!("holders.sh");
/// It reads what `/proc` has of each process.
const DEADLINE: Duration = Duration::from_mins(1);
/// How the tools say that somebody else has a device: the kernel's EBUSY, util-linux, e2fsprogs and xfsprogs, LVM.
const BUSY: [&str; 4] = ["busy", "in use", "mounted", "exclusively"];

/// Was a command refused because somebody has its device?
pub(crate) fn is_busy(error: &ProgramError) -> bool {
    let ProgramError::Run(RunError::Failed { stderr, .. }) = error else { return false };
    let said = stderr.to_lowercase();
    BUSY.iter().any(|word| said.contains(word))
}

impl Machine {
    /// Says who uses these devices and what stands on them, a line each: mounts, also those that only another process
    /// sees, swap, arrays and volumes, and the processes by number and name. Reads only, as root; nothing if the machine
    /// does not answer, for this is told beside an error.
    pub async fn holders(&self, devices: &[String]) -> Vec<String> {
        let asked = Cmd::new("sh").args(["-c", SCRIPT, "holders"]).args(devices.iter().map(String::as_str));
        let Ok(output) = self.ask(&asked, DEADLINE).await else { return Vec::new() };
        output.stdout.lines().map(str::to_owned).collect()
    }
}
