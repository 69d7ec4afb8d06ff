//! Waiting for a guest's sshd, and what to show when it does not come.

use crate::event::{Event, Observer};
use crate::lab::LabDir;
use std::fmt;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Why the guest did not come.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// Its QEMU ended.
    #[error(
        "`{machine}` went off while its sshd was waited for; QEMU said:{}\n  the console's end:{}",
        Tail(said),
        Tail(console)
    )]
    Died {
        /// The machine.
        machine: String,
        /// What QEMU said.
        said: String,
        /// The end of its console.
        console: String,
    },
    /// It runs, but its sshd does not answer.
    #[error("the sshd of `{machine}` did not answer within {} s; the console's end:{}", deadline.as_secs(), Tail(console))]
    Late {
        /// The machine.
        machine: String,
        /// How long it was given.
        deadline: Duration,
        /// The end of its console.
        console: String,
    },
}

/// The last lines of a log, indented under what precedes them, without what would move a terminal's cursor.
pub(crate) struct Tail<'a>(pub &'a str);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |line: &str| line.chars().filter(|c| !c.is_control()).collect::<String>();
        let lines: Vec<_> = self.0.lines().map(plain).filter(|line| !line.trim().is_empty()).collect();
        if lines.is_empty() {
            return f.write_str(" nothing");
        }
        for line in &lines[lines.len().saturating_sub(12)..] {
            write!(f, "\n    {}", line.trim_end())?;
        }
        Ok(())
    }
}

impl LabDir {
    /// Waits until the machine's sshd says who it is on 127.0.0.1, port `ssh_port`.
    pub async fn wait_ssh(
        &self,
        machine: &str,
        ssh_port: u16,
        deadline: Duration,
        observer: Observer<'_>,
    ) -> Result<(), WaitError> {
        let begun = Instant::now();
        let console = || end_of(&self.files(machine).console());
        while begun.elapsed() < deadline {
            // QEMU itself takes the connection; only the greeting proves that the guest is there.
            if matches!(timeout(Duration::from_secs(2), greeting(ssh_port)).await, Ok(Ok(()))) {
                observer(Event::Answers { machine: machine.to_owned(), took: begun.elapsed() });
                return Ok(());
            }
            if self.guest(machine).is_none() {
                let said = end_of(&self.files(machine).complaints());
                return Err(WaitError::Died { machine: machine.to_owned(), said, console: console() });
            }
            sleep(Duration::from_millis(150)).await;
        }
        Err(WaitError::Late { machine: machine.to_owned(), deadline, console: console() })
    }
}

async fn greeting(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let mut begin = [0; 4];
    stream.read_exact(&mut begin).await?;
    // RFC 4253, section 4.2.
    if &begin == b"SSH-" { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn end_of(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(8192)..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::Tail;

    #[test]
    fn a_console_is_shown_as_plain_lines() {
        let console = "\u{1b}c\r\n[    1.2] panic\r\n\n";
        assert_eq!(Tail(console).to_string(), "\n    c\n    [    1.2] panic");
        assert_eq!(Tail("\n").to_string(), " nothing");
        let long = ["early\n", &"late\n".repeat(12)].concat();
        assert!(!Tail(&long).to_string().contains("early"));
    }
}
