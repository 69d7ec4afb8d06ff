//! A lab of a test's own and the real command line in it; the lab ends with the test.

#![allow(dead_code, reason = "each test takes what it needs")]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

pub mod golden;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

/// What every fleet says before its machines.
const HEAD: &str = r#"domain = "home.arpa"
nixpkgs = "github:NixOS/nixpkgs/nixos-26.05"

[admin]
user = "ben"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO ben@laptop"]

[network]
subnet = "192.168.1.0/24"
gateway = "192.168.1.1"
"#;

/// A directory with a fleet, and its lab.
pub struct Bench {
    dir: tempfile::TempDir,
    begun: Instant,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.command(&["lab", "down"]).output();
    }
}

impl Bench {
    /// The lab of a fleet that is called so and has these machines, as they stand in a fleet file.
    pub fn of(name: &str, machines: &str) -> Option<Self> {
        Self::new(&fleet(name, machines))
    }

    /// None where machines cannot be booted; that is said.
    pub fn new(fleet: &str) -> Option<Self> {
        if let Err(missing) = lab::require(lab::Need::BuildAndRun) {
            eprintln!("skipped: {missing}");
            return None;
        }
        // Sockets must have short paths.
        let dir = tempfile::Builder::new().prefix("hh").tempdir_in("/tmp").unwrap();
        fs::write(dir.path().join("fleet.toml"), fleet).unwrap();
        Some(Self { dir, begun: Instant::now() })
    }

    /// Where the fleet lies; its labs are in `homehive/labs` below.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The fleet file that the lab has made of this one for its small disks: what a test edits.
    pub fn lab_fleet(&self) -> PathBuf {
        let labs = fs::read_dir(self.path().join("homehive/labs")).unwrap();
        labs.map(|lab| lab.unwrap().path().join("fleet.json")).find(|file| file.exists()).unwrap()
    }

    /// Edits that file, as a person edits the fleet file.
    pub fn edit(&self, change: impl FnOnce(&mut Value)) {
        let file = self.lab_fleet();
        let mut fleet = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        change(&mut fleet);
        fs::write(file, fleet.to_string()).unwrap();
    }

    /// `homehive WORDS…`
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
        command.current_dir(self.path()).env("XDG_STATE_HOME", self.path()).env_remove("HOMEHIVE_FLEET");
        command.arg("--plain").args(words);
        command
    }

    /// Runs it, however it ends; what took long is seen in the test's output.
    pub fn ask(&self, words: &[&str]) -> Output {
        let output = self.command(words).output().unwrap();
        println!("{:6.1} s  {} -> {:?}", self.begun.elapsed().as_secs_f64(), words.join(" "), output.status.code());
        output
    }

    /// Runs it well: its answer, and its story.
    pub fn tell(&self, words: &[&str]) -> (String, String) {
        let output = self.ask(words);
        assert!(output.status.success(), "{words:?}: {}", told(&output));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    }

    /// Runs it well: its answer.
    pub fn run(&self, words: &[&str]) -> String {
        self.tell(words).0
    }
}

/// A fleet file.
pub fn fleet(name: &str, machines: &str) -> String {
    format!("[fleet]\nname = \"{name}\"\n{HEAD}{machines}")
}

/// Answer and story.
pub fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
