//! Finds a machine's QEMU, and the server of its drives, among the processes of this host, and ends it: by what it runs, never by a remembered number,
//! which may belong to somebody else by now.

use crate::lab::{SERVE, SWITCH};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// A running QEMU, or the server of a machine's drives. It is held by a process descriptor, so that a signal reaches this process or none (`pidfd_open(2)`).
#[derive(Debug)]
pub struct Guest {
    /// Its process id, for people.
    pub pid: i32,
    handle: OwnedFd,
}

impl Guest {
    /// The QEMU that was started with `-pidfile <pidfile>`, if it runs.
    pub fn with_pidfile(pidfile: &Path) -> Option<Self> {
        Self::all(|path| path == pidfile).pop()
    }

    /// All processes of machines whose files lie below `dir`.
    pub fn below(dir: &Path) -> Vec<Self> {
        Self::all(|path| path.starts_with(dir))
    }

    /// Those that serve what this list says.
    pub fn serving(list: &Path) -> Vec<Self> {
        Self::all(|path| path == list)
    }

    fn all(is_meant: impl Fn(&Path) -> bool) -> Vec<Self> {
        let is_meant = |pid: i32| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            mark(&words).is_some_and(|path| is_meant(&path)) && !is_dead(pid)
        };
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| is_meant(*pid))
            .filter_map(|pid| {
                let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
                // Between looking and opening the number may have passed on: look again now that it is held.
                is_meant(pid).then_some(Self { pid, handle })
            })
            .collect()
    }

    /// Kills it at once, as a power cut does, and waits until it is gone; whether it went within the deadline.
    pub async fn kill(&self, deadline: Duration) -> bool {
        // An error says that it is gone already.
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
        self.gone(deadline).await
    }

    /// Waits until it ends by itself; whether it did within the deadline.
    pub async fn gone(&self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        while !self.has_ended() {
            if Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// The descriptor becomes readable when the process ends (`pidfd_open(2)`), whether or not it was waited for.
    fn has_ended(&self) -> bool {
        let mut ended = [PollFd::new(&self.handle, PollFlags::IN)];
        poll(&mut ended, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }
}

/// The path by which a process of a lab is known, in a command line as /proc shows it: the argument of `-pidfile` if its
/// program is a QEMU, the list if it serves drives or the wire.
fn mark(cmdline: &[u8]) -> Option<std::path::PathBuf> {
    let mut words = cmdline.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let program = words.next()?;
    for (serves, list) in [(SERVE, "/drives.json"), (SWITCH, "/wire.json")] {
        if words.clone().any(|word| word == serves) {
            let list = words.find(|word| word.ends_with(list))?;
            return Some(list.into_owned().into());
        }
    }
    if !program.rsplit('/').next()?.starts_with("qemu-system-") {
        return None;
    }
    words.find(|word| word == "-pidfile")?;
    words.next().map(|word| word.into_owned().into())
}

/// Ended, even if its parent has not yet asked how (state Z or X in proc(5)).
fn is_dead(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    // The program's name stands in parentheses and may hold anything, a parenthesis included.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    matches!(state, None | Some('Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::{Guest, mark};
    use std::path::{Path, PathBuf};

    #[test]
    fn a_command_line_is_read_word_by_word() {
        for (line, expected) in [
            ("/usr/bin/qemu-system-x86_64\0-m\x001536\0-pidfile\0/labs/a/nas/pid\0", Some("/labs/a/nas/pid")),
            ("vim\0-pidfile\0/labs/a/nas/pid\0", None),
            ("qemu-system-x86_64\0-name\0-pidfile=/labs/a/nas/pid\0", None),
            ("qemu-system-x86_64\0-pidfile\0", Some("")),
            ("/bin/homehive\0serve-drives\0/labs/a/nas/drives.json\0", Some("/labs/a/nas/drives.json")),
            ("vim\0/labs/a/nas/drives.json\0", None),
            ("/bin/homehive\0switch-frames\0/labs/a/wire.json\0", Some("/labs/a/wire.json")),
            ("", None),
        ] {
            assert_eq!(mark(line.as_bytes()), expected.map(PathBuf::from), "{line}");
        }
    }

    /// A number that a file remembers says nothing: this test's own process is no guest of any lab.
    #[test]
    fn a_reused_number_is_nobodys_guest() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        std::fs::write(&file, std::process::id().to_string()).unwrap();
        assert!(Guest::with_pidfile(&file).is_none());
        assert!(Guest::below(Path::new("/proc")).is_empty());
    }
}
