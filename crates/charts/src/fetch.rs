//! The network: one address, by curl. Nothing that is secret is sent, and nothing is asked twice.

use std::path::Path;
use std::process::{Command, Stdio};

/// Fetches what lies at addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fetch;

/// The head of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The status: 200.
    pub status: u16,
    lines: Vec<(String, String)>,
}

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No curl.
    #[error("curl cannot be started: {0}; install it (scripts/setup.sh build)")]
    NoCurl(String),
    /// The address was not reached.
    #[error("{url}: {reason}; is there a way to the Internet?")]
    Unreachable {
        /// The address.
        url: String,
        /// What curl said.
        reason: String,
    },
    /// It answered with something else.
    #[error("{url}: answers with status {status}")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// The answer is none.
    #[error("{url}: {reason}")]
    Answer {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Head {
    /// The last answer of those that curl saw (redirections come first).
    fn of(text: &str) -> Self {
        let mut head = Self::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("HTTP/") {
                let status = rest.split(' ').nth(1).and_then(|status| status.parse().ok());
                head = Self { status: status.unwrap_or_default(), lines: Vec::new() };
            } else if let Some((name, value)) = line.split_once(':') {
                head.lines.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        head
    }

    /// A line of it, by its name in small letters.
    pub fn line(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Fetch {
    /// What lies there, whatever the status; `bearer` is a registry's token for everybody.
    ///
    /// # Errors
    /// It is not reached within two minutes.
    pub fn ask(self, url: &str, bearer: Option<&str>) -> Result<(Head, Vec<u8>), FetchError> {
        let failed = |reason: String| FetchError::Answer { url: url.to_owned(), reason };
        let dir = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
        let (head, body, config) = (dir.path().join("head"), dir.path().join("body"), dir.path().join("config"));
        if let Some(bearer) = bearer {
            std::fs::write(&config, format!("header = \"Authorization: Bearer {bearer}\"\n"))
                .map_err(|error| failed(error.to_string()))?;
        }
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--location", "--max-redirs", "5", "--proto", "=http,https"])
            .args(["--connect-timeout", "15", "--max-time", "120", "--compressed", "--dump-header"])
            .arg(&head)
            .arg("--output")
            .arg(&body);
        if bearer.is_some() {
            curl.arg("--config").arg(&config);
        }
        // Whatever it is, it is an address and no option.
        curl.args(["--url", url]).stdin(Stdio::null());
        let said = curl.output().map_err(|error| FetchError::NoCurl(error.to_string()))?;
        if !said.status.success() {
            let text = String::from_utf8_lossy(&said.stderr);
            let reason = text.lines().last().unwrap_or("curl failed").trim_start_matches("curl: ").to_owned();
            return Err(FetchError::Unreachable { url: url.to_owned(), reason });
        }
        let read = |path: &Path| match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(|error| failed(error.to_string())),
        };
        Ok((Head::of(&String::from_utf8_lossy(&read(&head)?)), read(&body)?))
    }

    /// What lies there.
    ///
    /// # Errors
    /// It is not reached, or the status is not 200.
    pub fn get(self, url: &str) -> Result<Vec<u8>, FetchError> {
        match self.ask(url, None)? {
            (Head { status: 200, .. }, body) => Ok(body),
            (Head { status, .. }, _) => Err(FetchError::Status { url: url.to_owned(), status }),
        }
    }

    /// The text that lies there.
    ///
    /// # Errors
    /// It is not reached, or is no text.
    pub fn text(self, url: &str) -> Result<String, FetchError> {
        let body = self.get(url)?;
        let failed = |_| FetchError::Answer { url: url.to_owned(), reason: "not a text".to_owned() };
        String::from_utf8(body).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn the_last_head_counts() {
        let head =
            Head::of("HTTP/1.1 301 Moved\r\nLocation: x\r\n\r\nHTTP/2 200 \r\nLink: </v2>; rel=\"next\"\r\n\r\n");
        assert_eq!((head.status, head.line("link"), head.line("location")), (200, Some("</v2>; rel=\"next\""), None));
    }
}
