//! Which programs make up an API server on this machine, and the words that start them.

use super::port::Port;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What there is.
pub enum Programs {
    /// k3s, as root.
    K3s,
    /// Debian's.
    Plain(Plain),
}

/// A k3s on the path: its API server and its store alone.
pub struct K3s;

/// kube-apiserver and etcd in one directory.
pub struct Plain {
    dir: PathBuf,
    /// Where etcd answers.
    etcd: Port,
    /// Where its members would speak to it.
    peers: Port,
}

impl Programs {
    /// What there is; nothing, and a word about it, where there is nothing.
    pub fn find() -> Option<Self> {
        let root = Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout == b"0\n");
        if root && Command::new("k3s").arg("--version").output().is_ok_and(|said| said.status.success()) {
            return Some(Self::K3s);
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/apiserver.sh");
        let said =
            Command::new(&script).arg("path").output().unwrap_or_else(|error| panic!("{}: {error}", script.display()));
        if !said.status.success() {
            eprintln!("skipped: an API server is missing (a k3s, or what `scripts/apiserver.sh build` makes)");
            return None;
        }
        let dir = PathBuf::from(String::from_utf8(said.stdout).unwrap().trim());
        Some(Self::Plain(Plain { dir, etcd: Port::lease(), peers: Port::lease() }))
    }
}

impl K3s {
    /// The API server with its store; nothing that would act by itself.
    pub fn serve(dir: &Path, port: u16) -> Command {
        let mut cmd = Command::new("k3s");
        cmd.args(["server", "--disable-agent", "--disable-scheduler", "--disable-controller-manager"])
            .args(["--disable-cloud-controller", "--disable-network-policy", "--disable-helm-controller"])
            .args(["--disable=coredns,servicelb,traefik,local-storage,metrics-server", "--flannel-backend=none"])
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--tls-san", super::CERTIFIED])
            .arg(format!("--https-listen-port={port}"))
            .arg(format!("--data-dir={}", dir.join("k3s").display()))
            .arg(format!("--write-kubeconfig={}", dir.join("k3s.yaml").display()))
            .arg("--write-kubeconfig-mode=0600")
            .arg(format!("--kube-apiserver-arg=token-auth-file={}", dir.join("tokens").display()));
        cmd
    }

    /// What its certificate is checked with.
    pub fn authority(dir: &Path) -> PathBuf {
        dir.join("k3s/server/tls/server-ca.crt")
    }
}

impl Plain {
    /// The key that signs tokens of service accounts: the API server does not start without one.
    pub fn keys(dir: &Path) {
        let words = ["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f"];
        let made = Command::new("ssh-keygen").args(words).arg(dir.join("accounts")).status();
        assert!(made.expect("ssh-keygen is there (scripts/setup.sh test)").success());
    }

    /// The store.
    pub fn etcd(&self, dir: &Path) -> Command {
        let [clients, peers] = [&self.etcd, &self.peers].map(|port| format!("http://127.0.0.1:{}", port.number));
        let mut cmd = Command::new(self.dir.join("etcd"));
        cmd.args(["--name", "test", "--unsafe-no-fsync", "--logger", "zap", "--data-dir"])
            .arg(dir.join("etcd"))
            .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
            .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("test={peers}")]);
        cmd
    }

    /// The API server.
    pub fn serve(&self, dir: &Path, port: u16) -> Command {
        let mut cmd = Command::new(self.dir.join("kube-apiserver"));
        let at = |name: &str| dir.join(name).display().to_string();
        cmd.args(["--bind-address", "127.0.0.1", "--authorization-mode", "RBAC", "--endpoint-reconciler-type", "none"])
            .args([
                "--secure-port",
                &port.to_string(),
                "--etcd-servers",
                &format!("http://127.0.0.1:{}", self.etcd.number),
            ])
            // As k3s has it.
            .args(["--allow-privileged", "--advertise-address", super::CERTIFIED])
            .args(["--cert-dir", &at("certificates"), "--token-auth-file", &at("tokens")])
            .args(["--service-cluster-ip-range", "10.43.0.0/16", "--disable-admission-plugins", "ServiceAccount"])
            .args(["--service-account-issuer", "https://test.invalid", "--api-audiences", "test"])
            .args([
                "--service-account-signing-key-file",
                &at("accounts"),
                "--service-account-key-file",
                &at("accounts"),
            ]);
        cmd
    }

    /// What its certificate is checked with: it makes one, and an authority that signs it, in one file.
    pub fn authority(dir: &Path) -> PathBuf {
        dir.join("certificates/apiserver.crt")
    }
}
