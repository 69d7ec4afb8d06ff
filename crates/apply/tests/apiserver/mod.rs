//! A real API server of one's own on loopback, for tests: k3s' where there is a k3s and root runs it, else Debian's
//! kube-apiserver and etcd, which `scripts/apiserver.sh build` has built. No controllers run: nothing sets a status but
//! the test. Other crates' tests include this file by its path; it needs `rustix`, `serde_json` and
//! `tempfile`.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::unused_self,
    clippy::allow_attributes,
    reason = "each test that includes this uses a part of it"
)]

#[path = "../../../machine/tests/port/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "a test may have an sshd beside it")]
mod port;
mod programs;
mod schemas;

pub use schemas::definitions;

use port::Port;
use programs::{K3s, Plain, Programs};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Until the server has answered that it is ready: emulated and loaded machines take a minute.
const READY: Duration = Duration::from_mins(3);
/// Between two questions whether it is.
const AGAIN: Duration = Duration::from_millis(100);
/// An address that its certificate holds as well: that of a server of a fleet, which it plays.
pub const CERTIFIED: &str = "192.168.1.11";
/// The one user's, who may do everything.
const TOKEN: &str = "of-a-test-on-loopback-only";

/// An API server; it ends with the test.
pub struct ApiServer {
    dir: tempfile::TempDir,
    port: Port,
    programs: Programs,
    /// The store first.
    running: Vec<Child>,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl ApiServer {
    /// Started, and ready. None where there is none to start; the test says so.
    ///
    /// # Panics
    /// It does not become ready: what it said last is told.
    pub fn start() -> Option<Self> {
        let programs = Programs::find()?;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tokens"), format!("{TOKEN},admin,admin,\"system:masters\"\n")).unwrap();
        let mut server = Self { dir, port: Port::lease(), programs, running: Vec::new() };
        match &server.programs {
            Programs::K3s => {}
            Programs::Plain(plain) => {
                Plain::keys(server.dir.path());
                let etcd = plain.etcd(server.dir.path());
                server.run(etcd, "etcd.log");
            }
        }
        server.serve();
        Some(server)
    }

    /// Stops the API server, not its store, and starts it again where it was; watches end by that.
    ///
    /// # Panics
    /// It does not become ready again.
    pub fn restart(&mut self) {
        self.cut();
        self.serve();
    }

    /// Stops the API server; it answers again from [`ApiServer::serve`] on.
    pub fn cut(&mut self) {
        if let Some(mut api) = self.running.pop() {
            let _ = api.kill();
            let _ = api.wait();
        }
    }

    /// Starts the API server, and waits until it is ready.
    ///
    /// # Panics
    /// It does not become ready.
    pub fn serve(&mut self) {
        let cmd = match &self.programs {
            Programs::K3s => K3s::serve(self.dir.path(), self.port.number),
            Programs::Plain(plain) => plain.serve(self.dir.path(), self.port.number),
        };
        self.run(cmd, "api.log");
        self.ready();
        std::fs::write(self.kubeconfig(), self.kubeconfig_text()).unwrap();
    }

    /// Its kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    /// The bearer token of a user who may do everything.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port.number)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// What its certificate is checked with, as PEM.
    pub fn authority(&self) -> PathBuf {
        match &self.programs {
            Programs::K3s => K3s::authority(self.dir.path()),
            Programs::Plain(_) => Plain::authority(self.dir.path()),
        }
    }

    /// The process of the API server.
    pub fn pid(&self) -> Option<u32> {
        self.running.last().map(Child::id)
    }

    fn kubeconfig_text(&self) -> String {
        let (authority, url) = (self.authority(), self.url());
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters:\n- name: test\n  cluster:\n    server: {url}\n    certificate-authority: {}\n\
             users:\n- name: test\n  user:\n    token: {TOKEN}\n\
             contexts:\n- name: test\n  context:\n    cluster: test\n    user: test\n",
            authority.display()
        )
    }

    fn run(&mut self, mut cmd: Command, log: &str) {
        let log = std::fs::File::create(self.dir.path().join(log)).unwrap();
        cmd.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = cmd.spawn().unwrap_or_else(|error| panic!("{cmd:?}: {error}"));
        self.running.push(child);
    }

    fn ready(&mut self) {
        let end = Instant::now() + READY;
        // A server that is ready for the first time makes the namespace `default` only after that.
        let signs = ["readyz", "api/v1/namespaces/default"].map(|path| format!("{}/{path}", self.url()));
        loop {
            let ask = |authority: &Path, url: &String| {
                let header = format!("header = \"Authorization: Bearer {TOKEN}\"\n");
                let config = self.dir.path().join("curl");
                std::fs::write(&config, header).unwrap();
                let words = ["--silent", "--fail", "--max-time", "10", "--noproxy", "*", "--output", "/dev/null"];
                let mut curl = Command::new("curl");
                curl.args(words).arg("--config").arg(config).arg("--cacert").arg(authority).arg(url);
                curl.status().expect("curl is there (scripts/setup.sh test)").success()
            };
            let authority = self.authority();
            if authority.exists() && signs.iter().all(|sign| ask(&authority, sign)) {
                return;
            }
            for child in &mut self.running {
                if let Some(status) = child.try_wait().unwrap() {
                    panic!("it ended with {status}:\n{}", self.said());
                }
            }
            assert!(Instant::now() < end, "not ready after {} s:\n{}", READY.as_secs(), self.said());
            std::thread::sleep(AGAIN);
        }
    }

    /// The end of what the programs said.
    pub fn said(&self) -> String {
        let end = |name: &str| {
            let text = std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("{name}:\n{}\n", lines[lines.len().saturating_sub(15)..].join("\n"))
        };
        end("etcd.log") + &end("api.log")
    }

    fn stop(&mut self) {
        while let Some(mut child) = self.running.pop() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
