//! Brings an installer to a machine and starts it there: kernel and initial RAM disk go into its memory, the kernel takes
//! them, and the machine leaves by itself when nobody is connected any more.

use crate::{Machine, RunError, Story};
use cmd::Cmd;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// An installer.
pub struct Installer {
    /// Its kernel, a file on this machine.
    pub kernel: PathBuf,
    /// Its initial RAM disk: files on this machine, one behind the other.
    pub initrd: Vec<PathBuf>,
    /// What comes behind them: an archive with what belongs to this one start, a secret key among it.
    pub behind: Vec<u8>,
    /// What its kernel is told.
    pub command_line: String,
}

/// Why no installer was started.
#[derive(Debug, thiserror::Error)]
pub enum KexecError {
    /// A file of the installer cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Files {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What comes behind is no text, and cannot travel on a command's standard input.
    #[error("what goes behind the initial RAM disk is not what was expected there")]
    Behind,
    /// A step on the machine failed.
    #[error("{step}: {source}")]
    Step {
        /// What was done.
        step: &'static str,
        /// Why it failed.
        source: RunError,
    },
}

const SOON: Duration = Duration::from_mins(2);
/// Half a gigabyte over a slow line.
const UPLOAD: Duration = Duration::from_hours(1);
/// The kernel reads and hashes what it is given.
const LOAD: Duration = Duration::from_mins(10);

/// Where it lies meanwhile: in memory, so that no disk keeps the key.
const PLACE: &str = "d=/dev/shm; [ -d \"$d\" ] || d=/tmp; umask 077; mktemp -d \"$d/homehive.XXXXXX\"";
const RECEIVE: &str = "umask 077; exec cat >>\"$1\"";
/// Leaves when the connection is gone. A system with units stops them and what it has mounted; another one gets its
/// filesystems made read-only by the kernel (sysrq, Documentation/admin-guide/sysrq.rst).
const LEAVE: &str = r"
if [ -d /run/systemd/system ] && systemctl --no-block kexec; then exit 0; fi
setsid sh -c 'sleep 2; sync; echo u >/proc/sysrq-trigger; sleep 1; exec kexec --exec' </dev/null >/dev/null 2>&1 &
";

impl Installer {
    /// Bytes of kernel and initial RAM disk.
    pub fn size(&self) -> Result<u64, KexecError> {
        let mut size = self.behind.len() as u64;
        for path in self.initrd.iter().chain([&self.kernel]) {
            let found = std::fs::metadata(path);
            size += found.map_err(|source| KexecError::Files { path: path.clone(), source })?.len();
        }
        Ok(size)
    }

    /// What goes behind the files, so that it begins where an archive may begin.
    fn behind(&self) -> Result<String, KexecError> {
        let mut files = 0;
        for path in &self.initrd {
            let found = std::fs::metadata(path);
            files += found.map_err(|source| KexecError::Files { path: path.clone(), source })?.len();
        }
        // Zeroes may stand between archives, and each begins at a multiple of four (initramfs-buffer-format).
        let gap = usize::try_from(files.next_multiple_of(512) - files).unwrap_or(0);
        let text = String::from_utf8(self.behind.clone()).map_err(|_| KexecError::Behind)?;
        Ok("\0".repeat(gap) + &text)
    }
}

/// Starts `installer` on `machine`. When this returns, the machine is about to leave what it runs.
///
/// # Errors
/// The step that failed; until the last one the machine runs on as before, and what was brought there is removed.
pub async fn start(machine: &Machine, installer: &Installer, story: &Story) -> Result<(), KexecError> {
    let size = installer.size()?;
    let behind = installer.behind()?;
    let place = Cmd::new("sh").args(["-c", PLACE]);
    let step = |step: &'static str| move |source| KexecError::Step { step, source };
    let place = machine.run(&place, SOON).await.map_err(step("making a place for it"))?.stdout.trim().to_owned();
    let loaded = load(machine, installer, &behind, &place, size, story).await;
    // The kernel has its own copy now, or nothing needs it.
    let removed = machine.run(&Cmd::new("rm").args(["-rf", "--", &place]), SOON).await;
    loaded?;
    removed.map_err(step("removing what was brought"))?;
    story.stage(machine.name(), "leaves what it runs and starts the installer");
    machine.run(&Cmd::new("sh").arg("-s").input(LEAVE), SOON).await.map_err(step("leaving"))?;
    Ok(())
}

async fn load(
    machine: &Machine,
    installer: &Installer,
    behind: &str,
    place: &str,
    size: u64,
    story: &Story,
) -> Result<(), KexecError> {
    let (kernel, initrd) = (format!("{place}/kernel"), format!("{place}/initrd"));
    let receive = |to: &str| Cmd::new("sh").args(["-c", RECEIVE, "sh", to]);
    let step = |step: &'static str| move |source| KexecError::Step { step, source };
    story.stage(machine.name(), "receives the installer");
    let mut gone = 0;
    for (from, to) in
        std::iter::once((&installer.kernel, &kernel)).chain(installer.initrd.iter().map(|it| (it, &initrd)))
    {
        let before = gone;
        let told = |bytes| story.progress(machine.name(), "receives", before + bytes, Some(size), "bytes");
        let words = Cmd::new("cat").arg(from.display().to_string());
        machine.stream(&words, &receive(to), told, UPLOAD).await.map_err(step("sending the installer"))?;
        gone += std::fs::metadata(from).map_or(0, |meta| meta.len());
    }
    machine.run(&receive(&initrd).input(behind.to_owned()), SOON).await.map_err(step("sending its key"))?;
    let load = Cmd::new("kexec")
        .args(["--load", &kernel])
        .arg(format!("--initrd={initrd}"))
        .arg(format!("--command-line={}", installer.command_line));
    machine.run(&load, LOAD).await.map_err(step("giving it to the kernel"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Installer;
    use crate::cpio::Archive;
    use std::fs;

    #[test]
    fn an_archive_begins_where_one_may() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: usize| {
            fs::write(dir.path().join(name), vec![1; bytes]).unwrap();
            dir.path().join(name)
        };
        let mut archive = Archive::new();
        archive.file("key", 0o600, b"secret\n");
        let installer = Installer {
            kernel: file("kernel", 100),
            initrd: vec![file("one", 1021), file("two", 6)],
            behind: archive.finish(),
            command_line: String::new(),
        };
        let behind = installer.behind().unwrap();
        assert_eq!(behind.find("070701"), Some(2 * 1024 - 512 - 1027));
        assert_eq!(installer.size().unwrap(), 100 + 1027 + installer.behind.len() as u64);
    }
}
