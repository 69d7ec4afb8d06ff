//! `deploy` and its like against an sshd of our own that plays a machine: who it takes for whom, what it says of what the
//! machine runs, and the exit statuses. What only a booted machine proves is proved in the lab.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "../../machine/tests/sshd/mod.rs"]
mod sshd;

use sshd::Sshd;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// An sshd whose root holds a system profile of two generations, in a mount namespace of its own.
const PLAYS: &str = "mount -t tmpfs none /run && mkdir -p /run/sshd /nix/var/nix/profiles && \
    mount -t tmpfs none /nix/var/nix/profiles && cd /nix/var/nix/profiles && \
    ln -s /nix/store/00000000000000000000000000000001-old-system system-1-link && \
    ln -s /nix/store/00000000000000000000000000000002-new-system system-2-link && ln -s system-2-link system && \
    ln -s /nix/store/00000000000000000000000000000002-new-system /run/current-system && \
    ln -s /nix/store/00000000000000000000000000000001-old-system /run/booted-system && exec \"$@\"";

const FLEET: &str = r#"
[fleet]
name = "home"

[admin]
user = "ben"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO ben@laptop"]

[network]
subnet = "192.168.1.0/24"
gateway = "192.168.1.1"

[machines.one]
address = "192.168.1.11"
tags = ["storage"]
configuration = ".#one"
ssh = { address = "127.0.0.1", port = PORT, user = "USER", installer_user = "USER" }
"#;

struct Place {
    sshd: Sshd,
    dir: tempfile::TempDir,
}

/// A fleet whose machine is our sshd; `own` and `installer` are the keys it is known by, as the sshd's files are called.
/// None where that cannot be; the test says so.
fn place(own: &str, installer: &str) -> Option<Place> {
    let private = Command::new("unshare").args(["--mount", "true"]).status();
    if !private.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a mount namespace of one's own (root's rights, util-linux)");
        return None;
    }
    let sshd = Sshd::start(&["unshare", "--mount", "sh", "-c", PLAYS, "sh"])?;
    let dir = tempfile::tempdir().unwrap();
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let fleet = FLEET.replace("PORT", &sshd.port.to_string()).replace("USER", user.trim());
    fs::write(dir.path().join("fleet.toml"), fleet).unwrap();
    let keys = dir.path().join("secrets/host-keys");
    fs::create_dir_all(&keys).unwrap();
    for (name, key) in [("one", own), ("installer", installer)] {
        fs::copy(sshd.dir.path().join(format!("{key}.pub")), keys.join(format!("{name}.pub"))).unwrap();
    }
    fs::copy(sshd.identity(), dir.path().join("secrets/identity")).unwrap();
    wait(&sshd, &dir.path().join("secrets/identity"));
    Some(Place { sshd, dir })
}

/// Until it answers: its own words say so, in the log of a connection.
fn wait(sshd: &Sshd, identity: &Path) {
    let machine = sshd.machine("host");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(machine.wait(std::time::Duration::from_mins(1))).unwrap();
    assert!(identity.exists());
}

impl Place {
    fn ask(&self, words: &[&str]) -> Output {
        assert_ne!(self.sshd.port, 0);
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
        command.current_dir(self.dir.path()).env("HOME", self.dir.path()).arg("--plain").args(words).output().unwrap()
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_machine_that_shows_the_installers_key_is_to_be_installed() {
    let Some(place) = place("other", "host") else { return };
    let output = place.ask(&["deploy", "one", "--yes"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("refused") && text.contains("homehive install one"), "{text}");
}

#[test]
fn a_machine_that_shows_a_strangers_key_gets_nothing() {
    let Some(place) = place("other", "user") else { return };
    let output = place.ask(&["deploy", "@storage", "--yes"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("unreachable") && text.contains("another host key"), "{text}");
    let output = place.ask(&["status", "--no-build"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("one: away"), "{}", told(&output));
}

#[test]
fn generations_and_status_say_what_is_there() {
    let Some(place) = place("host", "other") else { return };
    let output = place.ask(&["generations", "one"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", told(&output));
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((lines[0][0], lines[0][2]), ("1", "booted"), "{text}");
    assert_eq!((lines[1][0], &lines[1][2..4]), ("2", &["current", "running"][..]), "{text}");
    let output = place.ask(&["status", "one", "--no-build"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("one: generation 2, up "), "{}", told(&output));
    assert!(text.contains("not compared with the fleet"), "{text}");
    let output = place.ask(&["rollback", "one", "--to", "9"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("there is no generation 9") && text.contains("1, 2"), "{text}");
}

#[test]
fn what_chooses_nothing_is_wrong_usage() {
    let Some(place) = place("host", "other") else { return };
    for (words, said) in [
        (&["deploy", "two"][..], "no machine is named `two`"),
        (&["deploy", "@none"], "their tags: @storage"),
        (&["status", "@none"], "no machine has the tag `none`"),
        (&["deploy", "--order", "two"], "no machine is named `two`"),
        (&["deploy", "--rollback-after", "5s"], "half a minute to an hour"),
        (&["deploy", "--boot", "--reboot"], "cannot be used with"),
    ] {
        let output = place.ask(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", told(&output));
        assert!(told(&output).contains(said), "{words:?}: {}", told(&output));
    }
}
