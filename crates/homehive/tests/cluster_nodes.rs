//! Which nodes are started and which leave, as a person meets it: on machines that sshds of our own play, with a k3s and a
//! systemctl that write down what they are told.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "../../machine/tests/sshd/mod.rs"]
mod sshd;

use sshd::Sshd;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

/// A machine with programs and a `/var/lib` of its own, in a mount namespace.
const PLAYS: &str = "mount --bind \"$0/bin\" /usr/local/bin && mount -t tmpfs none /var/lib && \
    cp -a \"$0/lib/.\" /var/lib/ && exec \"$@\"";

const FLEET: &str = r#"
[fleet]
name = "home"

[admin]
user = "ben"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO ben@laptop"]

[network]
subnet = "192.168.1.0/24"
gateway = "192.168.1.1"
balancer = "192.168.1.200-192.168.1.250"
"#;

/// One machine.
struct Played {
    sshd: Sshd,
    dir: PathBuf,
}

impl Played {
    fn told(&self) -> String {
        fs::read_to_string(self.dir.join("told")).unwrap_or_default()
    }
}

struct Place {
    dir: tempfile::TempDir,
    fleet: String,
}

impl Place {
    fn new() -> Option<Self> {
        let private = Command::new("unshare").args(["--mount", "true"]).status();
        if !private.is_ok_and(|status| status.success()) {
            eprintln!("skipped: a mount namespace of one's own (root's rights, util-linux)");
            return None;
        }
        Some(Self { dir: tempfile::tempdir().unwrap(), fleet: FLEET.to_owned() })
    }

    /// A machine; its k3s is in this state, `kubectl get nodes` says `nodes`, and `lib` lies in its /var/lib.
    fn plays(&self, name: &str, state: &str, nodes: &str, lib: &[&str]) -> Option<Played> {
        let dir = self.dir.path().join(name);
        for path in ["bin", "lib"] {
            fs::create_dir_all(dir.join(path)).unwrap();
        }
        for path in lib {
            fs::create_dir_all(dir.join("lib").join(path).parent().unwrap()).unwrap();
            fs::write(dir.join("lib").join(path), path).unwrap();
        }
        fs::write(dir.join("state"), state).unwrap();
        fs::write(dir.join("nodes"), nodes).unwrap();
        let at = dir.display();
        let k3s = format!(
            "[ \"$*\" = 'kubectl get nodes --output json' ] || exec echo \"k3s $*\" >>{at}/told\ncat {at}/nodes\n"
        );
        let systemctl = format!(
            "case $* in\nis-active\\ k3s*|*=ActiveState*) cat {at}/state ;;\n*=ExecStart*) echo 'argv[]=/x/k3s server --cluster-init' ;;\n\
             stop\\ k3s*) echo stop >>{at}/told; [ ! -e {at}/stuck ] || {{ echo 'Job canceled.' >&2; exit 1; }}; echo inactive >{at}/state ;;\n\
             *) echo \"$*\" >>{at}/told ;;\nesac\n"
        );
        for (program, text) in [("k3s", k3s), ("systemctl", systemctl)] {
            let path = dir.join("bin").join(program);
            fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let sshd = Sshd::start(&["unshare", "--mount", "sh", "-c", PLAYS, dir.to_str().unwrap()])?;
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(sshd.machine("host").wait(std::time::Duration::from_mins(1))).unwrap();
        Some(Played { sshd, dir })
    }

    /// A machine of the fleet, reached there.
    fn declare(&mut self, name: &str, role: &str, address: u8, played: &Played) {
        let (secrets, key) = (self.dir.path().join("secrets"), format!("host-keys/{name}.pub"));
        fs::create_dir_all(secrets.join("host-keys")).unwrap();
        fs::copy(played.sshd.dir.path().join("host.pub"), secrets.join(key)).unwrap();
        // One key opens them all.
        let key = secrets.join("identity");
        if key.exists() {
            fs::copy(secrets.join("identity.pub"), played.sshd.dir.path().join("authorized")).unwrap();
        } else {
            fs::copy(played.sshd.identity(), &key).unwrap();
            fs::copy(played.sshd.dir.path().join("user.pub"), secrets.join("identity.pub")).unwrap();
        }
        let _ = write!(
            self.fleet,
            "[machines.{name}]\naddress = \"192.168.1.{address}\"\nrole = \"{role}\"\nconfiguration = \".#{name}\"\n\
             ssh = {{ address = \"127.0.0.1\", port = {}, user = \"root\", installer_user = \"root\" }}\n",
            played.sshd.port
        );
        fs::write(self.dir.path().join("fleet.toml"), &self.fleet).unwrap();
    }
}

impl Place {
    fn ask(&self, words: &[&str], status: i32) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.current_dir(self.dir.path()).env("HOME", self.dir.path()).env_remove("XDG_STATE_HOME");
        let output = command.arg("--plain").args(words).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(status), "{words:?}\n{text}");
        text
    }
}

/// What `kubectl get nodes` says of a server, ready, and an agent.
fn nodes(agent_ready: bool) -> String {
    let node = |name: &str, labels: serde_json::Value, ready: bool| {
        let status = if ready { "True" } else { "Unknown" };
        serde_json::json!({ "metadata": { "name": name, "labels": labels },
            "status": { "conditions": [{ "type": "Ready", "status": status }] } })
    };
    let server = node("one", serde_json::json!({ "node-role.kubernetes.io/control-plane": "true" }), true);
    serde_json::json!({ "items": [server, node("two", serde_json::json!({}), agent_ready)] }).to_string()
}

/// etcd is ill: no server runs, and none tells its nodes. What the others have on their disks decides.
#[test]
fn a_server_begins_no_cluster_beside_the_state_of_one() {
    let Some(mut place) = Place::new() else { return };
    let authority = "rancher/k3s/server/tls/server-ca.crt";
    let Some(new) = place.plays("new", "inactive", "", &[]) else { return };
    let Some(old) = place.plays("old", "inactive", "", &[authority]) else { return };
    place.declare("one", "k3s-server", 11, &new);
    place.declare("three", "k3s-server", 13, &old);
    place.declare("two", "k3s-server", 12, &old);
    let text = place.ask(&["cluster", "up", "--yes", "--nodes-only", "--deadline", "3s"], 4);
    assert!(text.contains("one: three has the state of a cluster in which one has no part"), "{text}");
    assert!(text.contains("next: homehive deploy one"), "{text}");
    assert_eq!((new.told().as_str(), old.told().as_str()), ("", ""), "nothing was started");
}

#[test]
fn a_node_is_not_forgotten_while_its_k3s_runs() {
    let Some(mut place) = Place::new() else { return };
    let Some(server) = place.plays("server", "active", &nodes(true), &[]) else { return };
    let Some(agent) = place.plays("agent", "active", "", &[]) else { return };
    place.declare("one", "k3s-server", 11, &server);
    place.declare("two", "k3s-agent", 12, &agent);
    fs::write(agent.dir.join("stuck"), "").unwrap();
    let text = place.ask(&["cluster", "remove", "two", "--yes"], 4);
    assert!(text.contains("two: stop k3s on it: k3s has not stopped, its unit is \"active\""), "{text}");
    assert!(text.contains("Job canceled.") && text.contains("next: homehive cluster remove two"), "{text}");
    assert!(text.contains("homehive cluster remove two --dead"), "{text}");
    assert!(server.told().contains("kubectl drain two") && agent.told().contains("stop"), "{}", server.told());
    assert!(!server.told().contains("kubectl delete"), "{}", server.told());
    // Mended, the same goes on.
    fs::remove_file(agent.dir.join("stuck")).unwrap();
    let text = place.ask(&["cluster", "remove", "two", "--yes"], 0);
    assert!(text.contains("two has left the cluster") && server.told().contains("kubectl delete node two"), "{text}");
}

#[test]
fn a_silent_machine_leaves_if_it_is_said_to_be_dead() {
    let Some(mut place) = Place::new() else { return };
    let Some(server) = place.plays("server", "active", &nodes(true), &[]) else { return };
    let Some(agent) = place.plays("agent", "active", "", &[]) else { return };
    place.declare("one", "k3s-server", 11, &server);
    place.declare("two", "k3s-agent", 12, &agent);
    let text = place.ask(&["cluster", "remove", "two", "--yes", "--dead"], 3);
    assert!(text.contains("it answers, and is not dead"), "{text}");
    // It shows another host key: nobody knows whose answer that is.
    let key = place.dir.path().join("secrets/host-keys/two.pub");
    fs::copy(agent.sshd.dir.path().join("other.pub"), key).unwrap();
    let text = place.ask(&["cluster", "remove", "two", "--yes"], 3);
    assert!(text.contains("it does not answer") && text.contains("homehive cluster remove two --dead"), "{text}");
    let text = place.ask(&["cluster", "remove", "two", "--yes", "--dead"], 3);
    assert!(text.contains("it is ready, so that k3s runs on it"), "{text}");
    assert_eq!(server.told(), "", "nothing was done so far");
    fs::write(server.dir.join("nodes"), nodes(false)).unwrap();
    let text = place.ask(&["cluster", "remove", "two", "--yes", "--dead"], 0);
    assert!(text.contains("two has left") && text.contains("k3s on two was not stopped"), "{text}");
    assert!(server.told().contains("kubectl delete node two"), "{}", server.told());
}
