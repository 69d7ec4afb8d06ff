//! A LAN of two sides for tests: two network namespaces joined by a cable, each with an avahi-daemon and a bus of its own.
//! On side A the publisher speaks; on side B a neighbour listens. Everything ends with the test, however that ends.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "support of tests: what goes wrong ends the test, and each uses a part of it"
)]

mod lines;
mod side;

pub use lines::Lines;
pub use side::Side;

use std::path::Path;
use std::process::Command;

/// Two sides of a LAN.
pub struct Lan {
    /// Where the publisher is.
    pub a: Side,
    /// Where its neighbour is.
    pub b: Side,
    _dir: tempfile::TempDir,
}

impl Lan {
    /// Both sides, with avahi-daemon running on each. None where that cannot be, and a word about why.
    pub fn start() -> Option<Self> {
        if let Some(missing) = missing() {
            eprintln!("skipped: {missing}");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let (mut a, mut b) = match (Side::new(dir.path(), "a"), Side::new(dir.path(), "b")) {
            (Ok(a), Ok(b)) => (a, b),
            (Err(why), _) | (_, Err(why)) => {
                eprintln!("skipped: network namespaces are missing: {why}");
                return None;
            }
        };
        let (at_a, at_b) = (a.holder().to_string(), b.holder().to_string());
        run("ip", &["link", "add", "lan0", "netns", &at_a, "type", "veth", "peer", "name", "lan0", "netns", &at_b]);
        a.plug("10.77.0.1");
        b.plug("10.77.0.2");
        a.start_avahi();
        b.start_avahi();
        Some(Self { a, b, _dir: dir })
    }
}

/// What there is not.
fn missing() -> Option<String> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout == b"0\n");
    if !root {
        return Some("root, for network namespaces".to_owned());
    }
    let programs = ["avahi-daemon", "avahi-resolve", "avahi-browse", "dbus-daemon", "ip", "unshare", "nsenter"];
    let there = |program: &&str| {
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        path.split(':').any(|dir| Path::new(dir).join(program).exists())
    };
    let missing: Vec<&str> = programs.iter().filter(|program| !there(program)).copied().collect();
    (!missing.is_empty()).then(|| format!("{} missing (scripts/setup.sh test)", missing.join(", ")))
}

/// Runs words that have to succeed.
fn run(program: &str, words: &[&str]) {
    let said = Command::new(program).args(words).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(said.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&said.stderr));
}
