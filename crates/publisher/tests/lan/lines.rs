//! The lines that a program prints, as they come, and waiting for one of them.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing here takes so long, on slow machines either.
pub const LONG: Duration = Duration::from_mins(1);

/// What a program prints.
pub struct Lines {
    incoming: Receiver<String>,
    /// Everything so far, for messages.
    pub all: Vec<String>,
}

impl Lines {
    /// Reads on in a thread of its own, so that the program never waits for the test.
    pub fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, incoming) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { incoming, all: Vec::new() }
    }

    /// Waits for a line that holds all of this, and gives it; lines before it are passed over.
    pub fn wait(&mut self, words: &[&str]) -> String {
        self.wait_within(words, LONG).unwrap_or_else(|| panic!("no line with {words:?} in\n{}", self.all.join("\n")))
    }

    /// Waits until there was a line with each of these, in whichever order they come.
    pub fn wait_each(&mut self, all: &[&str]) {
        let mut missing = all.to_vec();
        while !missing.is_empty() {
            let line = self.wait(&[]);
            missing.retain(|text| !line.contains(text));
        }
    }

    /// The same within a time; none if it does not come.
    pub fn wait_within(&mut self, words: &[&str], time: Duration) -> Option<String> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.incoming.recv_timeout(left) {
                Ok(line) => {
                    self.all.push(line.clone());
                    if words.iter().all(|word| line.contains(word)) {
                        return Some(line);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}
