//! The way to another machine: the system's OpenSSH with the user's configuration and agent, one connection for
//! everything, and a host key that must be the expected one.

use crate::process::{self, Output, RunError};
use cmd::{Cmd, quote};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Where a machine answers, who logs in, and which key it must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// Which host key is believed.
    pub trust: Trust,
    /// A private key to log in with, instead of those of the user's configuration and agent.
    pub identity: Option<PathBuf>,
}

/// Which host key is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Exactly this one, in the form of an OpenSSH public key file (`ssh-ed25519 AAAA…`).
    Pinned(String),
    /// What the user's own `known_hosts` says; an unknown host is refused.
    KnownHosts,
}

/// One multiplexed connection; it is made at the first use and made again after the machine went away.
#[derive(Debug)]
pub(crate) struct Ssh {
    address: Address,
    /// Holds the control socket, the pinned key and the connection's own messages; readable by the user alone.
    dir: tempfile::TempDir,
    master: Mutex<Option<Child>>,
}

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(20);

impl Ssh {
    pub(crate) fn new(address: Address) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("homehive-").tempdir()?;
        if let Trust::Pinned(key) = &address.trust {
            // The file holds one key under one alias: whatever address the machine has today, it must show this key.
            std::fs::write(dir.path().join("known_hosts"), format!("{ALIAS} {}\n", key.trim()))?;
        }
        Ok(Self { address, dir, master: Mutex::new(None) })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The options that lead to this machine, without its name: for `ssh` itself and for `NIX_SSHOPTS`.
    pub(crate) fn options(&self) -> Vec<String> {
        let dir = self.dir.path().display();
        let mut options = vec![
            "BatchMode=yes".to_owned(),
            format!("ConnectTimeout={}", CONNECT.as_secs()),
            "ServerAliveInterval=5".into(),
            "ServerAliveCountMax=4".into(),
            "StrictHostKeyChecking=yes".into(),
            "UpdateHostKeys=no".into(),
            format!("ControlPath={}", self.socket().display()),
            "ControlMaster=no".into(),
            format!("Port={}", self.address.port),
        ];
        if let Trust::Pinned(_) = self.address.trust {
            options.push(format!("UserKnownHostsFile={dir}/known_hosts"));
            options.push("GlobalKnownHostsFile=/dev/null".into());
            options.push(format!("HostKeyAlias={ALIAS}"));
            options.push("CheckHostIP=no".into());
        }
        if let Some(identity) = &self.address.identity {
            options.push(format!("IdentityFile={}", identity.display()));
            options.push("IdentitiesOnly=yes".into());
        }
        options.into_iter().flat_map(|option| ["-o".to_owned(), option]).collect()
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("control")
    }

    fn command(&self, first: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        // Of an option given twice, ssh_config(5) takes the first.
        command.args(first).args(self.options()).arg("-l").arg(&self.address.user);
        command
    }

    fn place(&self) -> String {
        let Address { host, port, user, .. } = &self.address;
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(_)) => format!("{user}@[{host}]:{port}"),
            _ => format!("{user}@{host}:{port}"),
        }
    }

    /// Makes the connection unless it stands.
    pub(crate) async fn connect(&self) -> Result<(), RunError> {
        let mut master = self.master.lock().await;
        if let Some(child) = master.as_mut() {
            if matches!(child.try_wait(), Ok(None)) && self.socket().exists() {
                return Ok(());
            }
            let _ = child.kill().await;
        }
        let _ = std::fs::remove_file(self.socket());
        let broken = |source| RunError::Start { words: "ssh".into(), source };
        let log = self.dir.path().join("messages");
        let messages = std::fs::File::create(&log).map_err(broken)?;
        // The connection is a process of its own whose messages go to a file: one that goes on in the background
        // would hold the pipes of the first command open, and whoever reads them would wait for ever.
        let mut child = self
            .command(&["-o", "ControlMaster=yes", "-o", "ControlPersist=no"])
            .args(["-N", "--"])
            .arg(&self.address.host)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(messages)
            .kill_on_drop(true)
            .spawn()
            .map_err(broken)?;
        let end = Instant::now() + CONNECT + Duration::from_secs(10);
        loop {
            let ended = child.try_wait().map_err(broken)?.is_some();
            if !ended && self.socket().exists() {
                *master = Some(child);
                return Ok(());
            }
            if ended || Instant::now() > end {
                let _ = child.kill().await;
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(RunError::Unreachable { place: self.place(), reason: Refusal::read(&said), stderr: said });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs `words` there; any exit status is an answer.
    pub(crate) async fn ask(&self, cmd: &Cmd, deadline: Duration) -> Result<Output, RunError> {
        self.connect().await?;
        let line = cmd.argv().iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let mut command = self.command(&[]);
        command.arg("--").arg(&self.address.host).arg(line);
        self.answered(process::finish(command, cmd.input.as_deref(), &cmd.to_string(), deadline).await?).await
    }

    /// What came back over the connection, unless that broke: ssh then ends with 255, as a command may too.
    pub(crate) async fn answered(&self, output: Output) -> Result<Output, RunError> {
        // Seldom asked, and too large to be a part of every command.
        if output.status == 255 && !Box::pin(self.alive()).await {
            let stderr = output.stderr;
            return Err(RunError::Unreachable { place: self.place(), reason: Refusal::read(&stderr), stderr });
        }
        Ok(output)
    }

    /// Does the connection still stand?
    async fn alive(&self) -> bool {
        let mut check = self.command(&[]);
        check.args(["-O", "check", "--"]).arg(&self.address.host);
        matches!(process::finish(check, None, "ssh -O check", CONNECT).await, Ok(Output { status: 0, .. }))
    }

    /// Ends the connection: the machine is about to go away, or nobody needs it any more.
    pub(crate) async fn close(&self) {
        if let Some(mut child) = self.master.lock().await.take() {
            let _ = child.kill().await;
        }
        let _ = std::fs::remove_file(self.socket());
    }
}

/// The name under which a pinned key stands in its file.
const ALIAS: &str = "homehive-pinned";

/// Why a machine could not be reached, as far as ssh's words tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It showed another host key than the expected one.
    HostKey,
    /// It did not accept our key.
    Login,
    /// Nothing answered.
    Silent,
}

impl Refusal {
    fn read(stderr: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
        if says(&["Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED", "No ED25519 host key"]) {
            Self::HostKey
        } else if says(&["Permission denied", "Too many authentication failures"]) {
            Self::Login
        } else {
            Self::Silent
        }
    }

    /// What happened and what to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::HostKey => {
                "it shows another host key than the pinned one, so nothing was sent; is it really this machine?"
            }
            Self::Login => "it accepts none of your keys; is `admin.keys` right, and is your key in the agent?",
            Self::Silent => "no answer; is it on, and is the address right?",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn reads_why() {
        for (said, reason) in [
            ("Host key verification failed.\r\n", Refusal::HostKey),
            ("ben@10.0.0.1: Permission denied (publickey).", Refusal::Login),
            ("ssh: connect to host 10.0.0.1 port 22: Connection refused", Refusal::Silent),
        ] {
            assert_eq!(Refusal::read(said), reason, "{said}");
        }
    }
}
