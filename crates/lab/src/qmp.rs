//! A small client for QEMU's monitor protocol (QMP) over a Unix socket. What is asked of QEMU is the caller's business.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// Why QEMU did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// The socket could not be opened, or broke.
    #[error("the monitor of QEMU cannot be reached: {0}")]
    Socket(#[from] io::Error),
    /// QEMU closed the connection: it ended.
    #[error("QEMU closed its monitor during `{command}`")]
    Closed {
        /// What was being asked.
        command: String,
    },
    /// What came is no QMP.
    #[error("QEMU's monitor said something unintelligible: {0}")]
    Garbled(#[from] serde_json::Error),
    /// QEMU refused.
    #[error("QEMU refused `{command}`: {said}")]
    Refused {
        /// What was asked.
        command: String,
        /// Its reason.
        said: String,
    },
    /// No answer.
    #[error("QEMU did not answer `{command}` within {} s", deadline.as_secs())]
    Late {
        /// What was asked.
        command: String,
        /// How long it was given.
        deadline: Duration,
    },
}

/// A connection to a monitor, past its greeting. QEMU serves one at a time.
#[derive(Debug)]
pub struct Qmp {
    lines: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    to: OwnedWriteHalf,
    events: VecDeque<Value>,
}

impl Qmp {
    /// Connects, takes the greeting, and leaves the negotiation mode.
    pub async fn connect(socket: &Path, deadline: Duration) -> Result<Self, QmpError> {
        let late = || QmpError::Late { command: "the greeting".into(), deadline };
        let begin = async {
            let (from, to) = UnixStream::connect(socket).await?.into_split();
            let mut qmp = Self { lines: BufReader::new(from).lines(), to, events: VecDeque::new() };
            while qmp.next("the greeting").await?.get("QMP").is_none() {}
            qmp.ask("qmp_capabilities", json!({})).await?;
            Ok(qmp)
        };
        timeout(deadline, begin).await.map_err(|_| late())?
    }

    /// Runs one command and gives back what it returned.
    pub async fn execute(&mut self, command: &str, arguments: Value, deadline: Duration) -> Result<Value, QmpError> {
        let late = || QmpError::Late { command: command.to_owned(), deadline };
        timeout(deadline, self.ask(command, arguments)).await.map_err(|_| late())?
    }

    /// Waits for an event (one that came earlier counts) that `is_meant`.
    pub async fn event(
        &mut self,
        name: &str,
        is_meant: impl Fn(&Value) -> bool,
        deadline: Duration,
    ) -> Result<Value, QmpError> {
        let is_it = |event: &Value| event["event"] == name && is_meant(&event["data"]);
        if let Some(at) = self.events.iter().position(is_it) {
            return Ok(self.events.remove(at).unwrap_or_default());
        }
        let wait = async {
            loop {
                let message = self.next(name).await?;
                if is_it(&message) {
                    return Ok(message);
                }
                self.keep(message);
            }
        };
        timeout(deadline, wait).await.map_err(|_| QmpError::Late { command: name.to_owned(), deadline })?
    }

    async fn ask(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        let mut line = json!({ "execute": command, "arguments": arguments }).to_string();
        line.push('\n');
        self.to.write_all(line.as_bytes()).await?;
        loop {
            let mut message = self.next(command).await?;
            if let Some(answer) = message.get_mut("return") {
                return Ok(answer.take());
            }
            if let Some(error) = message.get("error") {
                let said = error["desc"].as_str().unwrap_or("no reason given").to_owned();
                return Err(QmpError::Refused { command: command.to_owned(), said });
            }
            self.keep(message);
        }
    }

    async fn next(&mut self, command: &str) -> Result<Value, QmpError> {
        let line = self.lines.next_line().await?;
        let line = line.ok_or_else(|| QmpError::Closed { command: command.to_owned() })?;
        Ok(serde_json::from_str(&line)?)
    }

    fn keep(&mut self, message: Value) {
        if message.get("event").is_some() {
            self.events.push_back(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Qmp;
    use serde_json::json;
    use std::path::Path;
    use std::time::Duration;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::UnixListener;

    const SOON: Duration = Duration::from_secs(10);

    /// A monitor that gives these answers, one after each line it reads.
    fn monitor(socket: &Path, answers: &'static [&'static str]) -> tokio::task::JoinHandle<Vec<String>> {
        let listener = UnixListener::bind(socket).unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (from, mut to) = stream.into_split();
            let mut lines = BufReader::new(from).lines();
            let mut heard = Vec::new();
            to.write_all(b"{\"QMP\": {\"version\": {}}}\n").await.unwrap();
            for answer in answers {
                heard.push(lines.next_line().await.unwrap().unwrap());
                to.write_all(answer.as_bytes()).await.unwrap();
            }
            heard
        })
    }

    #[tokio::test]
    async fn asks_and_hears() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("qmp");
        let server = monitor(
            &socket,
            &[
                "{\"return\": {}}\n",
                "{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"ahci3\"}}\n{\"return\": {\"status\": \"running\"}}\n",
                "{\"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"Device 'x' not found\"}}\n",
                "not json\n",
            ],
        );
        let mut qmp = Qmp::connect(&socket, SOON).await.unwrap();
        assert_eq!(qmp.execute("query-status", json!({}), SOON).await.unwrap(), json!({ "status": "running" }));
        let event = qmp.event("DEVICE_DELETED", |data| data["device"] == "ahci3", SOON).await.unwrap();
        assert_eq!(event["data"]["device"], "ahci3");
        let error = qmp.execute("device_del", json!({ "id": "x" }), SOON).await.unwrap_err().to_string();
        assert_eq!(error, "QEMU refused `device_del`: Device 'x' not found");
        let error = qmp.execute("stop", json!({}), SOON).await.unwrap_err().to_string();
        assert!(error.starts_with("QEMU's monitor said something unintelligible"), "{error}");
        let heard = server.await.unwrap();
        assert_eq!(heard[2], r#"{"execute":"device_del","arguments":{"id":"x"}}"#);
        let error = qmp.execute("quit", json!({}), SOON).await.unwrap_err().to_string();
        assert!(error.starts_with("QEMU closed its monitor") || error.contains("cannot be reached"), "{error}");
    }

    #[tokio::test]
    async fn silence_has_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("qmp");
        let _listener = UnixListener::bind(&socket).unwrap();
        let error = Qmp::connect(&socket, Duration::from_millis(50)).await.unwrap_err().to_string();
        assert_eq!(error, "QEMU did not answer `the greeting` within 0 s");
    }
}
