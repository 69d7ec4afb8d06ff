//! A secret typed at a terminal: twice, and never shown.

use crate::home::Home;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_mins(1);

/// A terminal with homehive at it.
struct Terminal {
    keys: std::fs::File,
    shown: String,
    coming: Receiver<Vec<u8>>,
    child: Child,
    other_end: std::fs::File,
}

impl Terminal {
    fn start(home: &Home, words: &[&str]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
        let mut command = home.command(words);
        let child = command.stdin(theirs()).stdout(theirs()).stderr(theirs()).spawn().unwrap();
        let reader: OwnedFd = ours.try_clone().unwrap();
        let (send, coming) = channel();
        std::thread::spawn(move || {
            let (mut reader, mut bytes) = (std::fs::File::from(reader), [0; 1024]);
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                if send.send(bytes[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { keys: ours.into(), shown: String::new(), coming, child, other_end: theirs() }
    }

    /// Waits until these words are on the screen, behind what was waited for before.
    fn until(&mut self, words: &str) {
        let end = Instant::now() + DEADLINE;
        while !self.shown.contains(words) {
            let left = end.saturating_duration_since(Instant::now());
            let bytes = self.coming.recv_timeout(left).unwrap_or_else(|_| panic!("no `{words}` in: {}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        let at = self.shown.find(words).unwrap() + words.len();
        assert!(!self.shown.contains("typed-secret"), "shown: {}", self.shown);
        self.shown.drain(..at);
    }

    fn type_in(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    fn shows_what_is_typed(&self) -> bool {
        tcgetattr(&self.other_end).unwrap().local_modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }
}

#[test]
fn typed_twice_and_never_shown() {
    let home = Home::new("nas", &["owner"]);
    home.told(&["secrets", "init"], "", 1);
    let mut terminal = Terminal::start(&home, &["secrets", "set", "samba-ben"]);
    terminal.until("samba-ben (is not shown): ");
    assert!(!terminal.shows_what_is_typed());
    terminal.type_in("typed-secret\r");
    terminal.until("the same again: ");
    terminal.type_in("typed-secreT\r");
    terminal.until("two different ones");
    terminal.until("samba-ben (is not shown): ");
    terminal.type_in("typed-secretX\x7f\r");
    terminal.until("the same again: ");
    terminal.type_in("typed-secret\r");
    terminal.until("wrote secrets/samba-ben.age");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
    assert!(terminal.shows_what_is_typed(), "the terminal is as it was");
    assert_eq!(home.opened("samba-ben.age", "owner").as_deref(), Some("typed-secret"));
}

#[test]
fn who_leaves_changes_nothing_and_gets_the_terminal_back() {
    let home = Home::new("nas", &["owner"]);
    home.told(&["secrets", "init"], "", 1);
    let before = home.sealed();
    let mut terminal = Terminal::start(&home, &["secrets", "set", "samba-ben"]);
    terminal.until("samba-ben (is not shown): ");
    terminal.type_in("typed-sec\x03");
    terminal.until("nothing was changed");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(3));
    assert!(terminal.shows_what_is_typed());
    assert_eq!(home.sealed(), before);
}

#[test]
fn init_asks_for_what_only_the_user_knows() {
    let home = Home::new("nas", &["owner"]);
    let mut terminal = Terminal::start(&home, &["secrets", "init"]);
    terminal.until("mail-password (for ");
    terminal.until("later): ");
    // Enter alone: later.
    terminal.type_in("\r");
    terminal.until("samba-ben (for ");
    terminal.until("later): ");
    terminal.type_in("typed-secret\r");
    terminal.until("the same again: ");
    terminal.type_in("typed-secret\r");
    terminal.until("missing mail-password");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(1));
    assert_eq!(home.opened("samba-ben.age", "owner").as_deref(), Some("typed-secret"));
}
