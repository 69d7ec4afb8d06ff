//! An sshd of one's own on loopback, for tests of what goes over SSH. Other crates' tests include this file by its path;
//! it needs `rustix` and `tempfile`.
#![allow(dead_code, clippy::allow_attributes, reason = "each test that includes this uses a part of it")]

#[path = "../port/mod.rs"]
mod port;

use machine::{Address, Machine, Trust};
use port::Port;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An sshd of our own; it ends with the test.
pub struct Sshd {
    pub child: Child,
    pub dir: tempfile::TempDir,
    pub port: u16,
    _lease: Port,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sshd {
    /// Started by these words, if there are any, which run in the end what follows them. None where there is no sshd;
    /// the test says so.
    pub fn start(words: &[&str]) -> Option<Self> {
        if !Path::new("/usr/sbin/sshd").exists() {
            eprintln!("skipped: /usr/sbin/sshd is missing (package openssh-server)");
            return None;
        }
        // sshd(8) as root insists on its privilege separation directory.
        let _ = std::fs::create_dir("/run/sshd");
        let dir = tempfile::tempdir().unwrap();
        for key in ["host", "other", "user"] {
            let file = dir.path().join(key);
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status();
            assert!(made.unwrap().success());
        }
        std::fs::copy(dir.path().join("user.pub"), dir.path().join("authorized")).unwrap();
        let lease = Port::lease();
        let port = lease.number;
        let at = dir.path().display();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized\n\
             StrictModes no\nPidFile none\nUsePAM no\nPermitRootLogin prohibit-password\nLogLevel DEBUG1\n"
        );
        std::fs::write(dir.path().join("config"), config).unwrap();
        let sshd = ["/usr/sbin/sshd", "-D", "-e", "-f"];
        let mut argv = words.iter().chain(&sshd);
        let child = Command::new(argv.next().unwrap())
            .args(argv)
            .arg(dir.path().join("config"))
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Some(Self { child, dir, port, _lease: lease })
    }

    fn key(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(format!("{name}.pub"))).unwrap()
    }

    pub fn identity(&self) -> PathBuf {
        self.dir.path().join("user")
    }

    /// What it has heard.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    pub fn machine(&self, host_key: &str) -> Machine {
        let address = Address {
            host: "127.0.0.1".into(),
            port: self.port,
            user: whoami(),
            trust: Trust::Pinned(self.key(host_key)),
            identity: Some(self.identity()),
        };
        Machine::ssh("test", address).unwrap()
    }
}

fn whoami() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}
