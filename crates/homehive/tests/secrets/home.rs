//! A fleet in a directory, the admin's keys in another, and homehive run on them.

use age::secrecy::ExposeSecret as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The cluster of the examples, of an admin whose keys are here.
pub struct Home {
    pub dir: tempfile::TempDir,
}

impl Home {
    /// With key pairs of these names; the first one is the admin's.
    pub fn new(example: &str, keys: &[&str]) -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(home.path("fleet")).unwrap();
        for name in keys {
            let key = ssh_key::PrivateKey::random(&mut ssh_key::rand_core::OsRng, ssh_key::Algorithm::Ed25519).unwrap();
            key.write_openssh_file(&home.path(name), ssh_key::LineEnding::LF).unwrap();
            fs::write(home.path(&format!("{name}.pub")), key.public_key().to_openssh().unwrap()).unwrap();
        }
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/{example}/fleet.toml"));
        fs::write(home.path("fleet/fleet.toml"), fs::read_to_string(example).unwrap()).unwrap();
        home.admins(&keys[..1]);
        home
    }

    /// The keys of the admin, in the fleet file.
    pub fn admins(&self, names: &[&str]) {
        let keys = names.iter().map(|name| format!("\"{}\"", self.read(&format!("{name}.pub"))));
        let keys = keys.collect::<Vec<_>>().join(", ");
        self.edit(|text| {
            let line = |line: &str| {
                if line.starts_with("keys = ") { format!("keys = [{keys}]\n") } else { format!("{line}\n") }
            };
            text.lines().map(line).collect()
        });
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Changes the fleet file.
    pub fn edit(&self, change: impl Fn(String) -> String) {
        fs::write(self.path("fleet/fleet.toml"), change(self.read("fleet/fleet.toml"))).unwrap();
    }

    /// The words that run homehive here.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.args(words);
        self.at_home(&mut command);
        command
    }

    /// The surroundings of a person at home.
    pub fn at_home(&self, command: &mut Command) {
        command.current_dir(self.path("fleet")).env("HOME", self.dir.path()).env("XDG_STATE_HOME", self.dir.path());
        command.env_remove("HOMEHIVE_FLEET").env_remove("VISUAL").env_remove("EDITOR");
        command.env("HOMEHIVE_IDENTITY", self.path("owner"));
        command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
    }

    /// A shell script of this name, found before all other programs.
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        fs::create_dir_all(self.path("bin")).unwrap();
        let file = self.path("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// Runs homehive with this on its standard input.
    pub fn run(&self, words: &[&str], input: &str) -> Output {
        let mut command = self.command(words);
        give(command.arg("--plain"), input)
    }

    /// Runs, expects this exit status, and gives what was printed.
    pub fn told(&self, words: &[&str], input: &str, status: i32) -> String {
        let output = self.run(words, input);
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(status), "{words:?}: {text}");
        text
    }

    /// What a sealed file holds, opened with one of the key pairs.
    pub fn opened(&self, file: &str, key: &str) -> Option<String> {
        open(&self.path(&format!("fleet/secrets/{file}")), self.read(key).as_bytes())
    }

    /// What a sealed file holds, opened by a machine of the fleet.
    pub fn opened_by(&self, file: &str, machine: &str) -> Option<String> {
        let key = self.opened(&format!("host-keys/{machine}.age"), "owner").unwrap();
        open(&self.path(&format!("fleet/secrets/{file}")), key.as_bytes())
    }

    /// All sealed files as they are on disk.
    pub fn sealed(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        for dir in ["fleet/secrets", "fleet/secrets/host-keys"] {
            for entry in fs::read_dir(self.path(dir)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    found.push((path.display().to_string(), fs::read(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }
}

/// Opens a sealed file with a private key.
fn open(path: &Path, key: &[u8]) -> Option<String> {
    let identity = age::ssh::Identity::from_buffer(key, None).unwrap();
    let sealed = fs::read(path).unwrap();
    let decryptor = age::Decryptor::new(age::armor::ArmoredReader::new(&sealed[..])).unwrap();
    let mut text = String::new();
    decryptor.decrypt(std::iter::once(&identity as _)).ok()?.read_to_string(&mut text).unwrap();
    Some(age::secrecy::SecretString::from(text).expose_secret().to_owned())
}

/// Runs words with this on their standard input.
pub fn give(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // Who asks for nothing may be gone by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Is this program here? Says so if not.
pub fn has(program: &str) -> bool {
    let there = Command::new(program).arg("--help").stdin(Stdio::null()).output().is_ok();
    if !there {
        println!("skipped: {program} is not on this machine");
    }
    there
}
