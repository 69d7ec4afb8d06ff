//! The real Nix: whether it is here, and asking it; what it says when it fails is shown whole.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

/// A Nix that can evaluate nixpkgs, and the trees to do it with.
#[derive(Debug)]
pub struct Nix {
    nixpkgs: PathBuf,
    agenix: PathBuf,
    /// As much of this repository as its flake consists of, without what is built in it.
    homehive: Arc<tempfile::TempDir>,
}

/// Nixpkgs refuses to be evaluated by less.
const OLDEST: (u32, u32) = (2, 18);

impl Nix {
    /// Finds it, or tells what is missing.
    pub fn find() -> Option<Self> {
        let tree = |variable: &str| {
            let tree = std::env::var_os(variable).map(PathBuf::from);
            if tree.is_none() {
                println!("skipped: {variable} is not set");
            }
            tree
        };
        let (nixpkgs, agenix) = (tree("HOMEHIVE_NIXPKGS")?, tree("HOMEHIVE_AGENIX")?);
        let version = version();
        if version.is_none_or(|version| version < OLDEST) {
            println!("skipped: nix 2.18 or later is not on this machine");
            return None;
        }
        Some(Self { nixpkgs, agenix, homehive: Arc::new(repository()) })
    }

    /// Runs `nix WORDS path:DIR+PART`, its inputs being the trees that are here; nothing is fetched or written.
    pub fn flake(&self, dir: &Path, part: &str, words: &[&str]) -> String {
        let mut command = Command::new("nix");
        command.args(words).arg(format!("path:{}{part}", dir.display()));
        command.args(["--extra-experimental-features", "nix-command flakes"]);
        command.args(["--offline", "--no-write-lock-file", "--no-warn-dirty"]);
        let mut trees = vec![("nixpkgs", self.nixpkgs.as_path()), ("agenix", &self.agenix)];
        // An input that a flake has not is a warning.
        if std::fs::read_to_string(dir.join("flake.nix")).unwrap().contains("homehive = {") {
            trees.push(("homehive", self.homehive.path()));
        }
        for (input, tree) in trees {
            command.args(["--override-input", input]).arg(format!("path:{}", tree.display()));
        }
        done(&mut command)
    }

    /// Evaluates the attribute `part` (`#nixosConfigurations`, or nothing for all outputs) and applies `function`.
    pub fn json(&self, dir: &Path, part: &str, function: &str) -> Value {
        let part = if part.is_empty() { "#." } else { part };
        // Read-only: derivations are worked out, and not written to the store.
        let words = ["eval", "--read-only", "--json", "--apply", function];
        serde_json::from_str(&self.flake(dir, part, &words)).unwrap()
    }
}

fn repository() -> tempfile::TempDir {
    let (dir, root) = (tempfile::tempdir().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    let parts = ["flake.nix", "nix", "Cargo.toml", "Cargo.lock", "clippy.toml", "crates", "examples"];
    done(Command::new("cp").arg("-r").args(parts.map(|part| root.join(part))).arg(dir.path()));
    dir
}

/// Is there a Nix that can parse? Tells if not.
pub fn parser() -> bool {
    let there = Command::new("nix-instantiate").arg("--version").output().is_ok();
    if !there {
        println!("skipped: nix-instantiate is not on this machine");
    }
    there
}

/// Parses one file.
pub fn parse(file: &Path) {
    done(Command::new("nix-instantiate").arg("--parse").arg(file));
}

fn version() -> Option<(u32, u32)> {
    let output = Command::new("nix").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.trim().rsplit(' ').next()?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn done(command: &mut Command) -> String {
    // What a shell would know of the caller's flakes has no say here.
    let Output { status, stdout, stderr } = command.env_remove("NIX_PATH").output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}\n{stderr}");
    assert!(!stderr.contains("evaluation warning"), "{command:?} warns:\n{stderr}");
    String::from_utf8(stdout).unwrap()
}
