//! `cluster` as a person meets it: the kubeconfig comes from a server over SSH, which an sshd of our own plays, and leads to
//! a real API server; what differs, what is applied, how it is.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "../../apply/tests/apiserver/mod.rs"]
mod apiserver;
#[path = "../../apply/tests/hand/mod.rs"]
mod hand;
#[path = "../../machine/tests/sshd/mod.rs"]
mod sshd;

use apiserver::{ApiServer, CERTIFIED, definitions};
use base64::Engine as _;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, PostParams};
use sshd::Sshd;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An sshd whose machine has a kubeconfig where k3s writes it, in a mount namespace of its own.
const PLAYS: &str = "mount -t tmpfs none /mnt && cp -a /etc /mnt/etc && mkdir -p /mnt/etc/rancher/k3s && \
    cp \"$0\" /mnt/etc/rancher/k3s/k3s.yaml && mount --bind /mnt/etc /etc && exec \"$@\"";

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

[machines.one]
address = "ADDRESS"
role = "k3s-server"
configuration = ".#one"
ssh = { address = "127.0.0.1", port = PORT, user = "USER", installer_user = "USER" }
"#;

struct Place {
    api: ApiServer,
    _sshd: Sshd,
    dir: tempfile::TempDir,
}

/// None where it cannot be; the test says so.
fn place() -> Option<Place> {
    let private = Command::new("unshare").args(["--mount", "true"]).status();
    if !private.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a mount namespace of one's own (root's rights, util-linux)");
        return None;
    }
    let api = ApiServer::start()?;
    let dir = tempfile::tempdir().unwrap();
    let authority = base64::engine::general_purpose::STANDARD.encode(fs::read(api.authority()).unwrap());
    let written = dir.path().join("k3s.yaml");
    let (url, token) = (api.url(), api.token());
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: default\nclusters:\n- name: default\n  cluster:\n    server: {url}\n    \
         certificate-authority-data: {authority}\nusers:\n- name: default\n  user:\n    token: {token}\ncontexts:\n\
         - name: default\n  context:\n    cluster: default\n    user: default\n"
    );
    fs::write(&written, text).unwrap();
    let sshd = Sshd::start(&["unshare", "--mount", "sh", "-c", PLAYS, written.to_str().unwrap()])?;
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let fleet =
        FLEET.replace("PORT", &sshd.port.to_string()).replace("USER", user.trim()).replace("ADDRESS", CERTIFIED);
    fs::write(dir.path().join("fleet.toml"), fleet).unwrap();
    let keys = dir.path().join("secrets/host-keys");
    fs::create_dir_all(&keys).unwrap();
    fs::copy(sshd.dir.path().join("host.pub"), keys.join("one.pub")).unwrap();
    fs::copy(sshd.identity(), dir.path().join("secrets/identity")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(sshd.machine("host").wait(std::time::Duration::from_mins(1))).unwrap();
    Some(Place { api, _sshd: sshd, dir })
}

impl Place {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.current_dir(self.dir.path()).env("HOME", self.dir.path()).env_remove("XDG_STATE_HOME");
        // Whatever kubeconfig the user works with is never looked at.
        command.env("KUBECONFIG", "/nonexistent/kubeconfig");
        command.arg("--plain").args(words);
        command
    }

    fn ask(&self, words: &[&str], status: i32) -> String {
        let output = self.command(words).output().unwrap();
        let text = told(&output);
        assert_eq!(output.status.code(), Some(status), "{words:?}\n{text}");
        text
    }

    fn kubeconfig(&self) -> PathBuf {
        let clusters = self.dir.path().join(".local/state/homehive/clusters");
        let mut all = fs::read_dir(clusters).unwrap();
        let one = all.next().unwrap().unwrap().path().join("kubeconfig");
        assert!(all.next().is_none());
        one
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_kubeconfig_is_fetched_rewritten_and_kept_for_its_owner_alone() {
    let Some(place) = place() else { return };
    // Told as much as can be: the key to the cluster is not among it.
    let text = place.ask(&["-vv", "cluster", "kubeconfig"], 0);
    assert!(!text.contains(place.api.token()), "{text}");
    let path = place.kubeconfig();
    assert!(text.contains(&path.display().to_string()), "{text}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept.contains(&format!("server: https://127.0.0.1:{}", place.api.port())), "{kept}");
    assert!(kept.contains(&format!("tls-server-name: \"{CERTIFIED}\"")), "{kept}");
    assert!(kept.contains("current-context: home") && kept.contains("name: home-admin"), "{kept}");

    // It leads to the cluster, by its certificate; which has no nodes, and so is not good.
    let text = place.ask(&["cluster", "status"], 1);
    assert!(text.contains("Kubernetes v") && text.contains("node one: missing"), "{text}");
    // No k3s runs on this machine.
    if Command::new("k3s").arg("--version").output().is_err() {
        let text = place.ask(&["cluster", "up", "--yes"], 4);
        assert!(text.contains("one: there is no k3s on it") && text.contains("next: homehive deploy one"), "{text}");
        let text = place.ask(&["cluster", "remove", "one", "--yes"], 4);
        assert!(text.contains("no server tells which nodes"), "{text}");
    }
}

/// Where the fleet has no sealed file, for its cluster was begun otherwise.
#[test]
fn grafanas_password_is_asked_of_the_cluster() {
    let Some(place) = place() else { return };
    let words = ["-vv", "cluster", "password", "grafana"];
    let text = place.ask(&words, 4);
    assert!(text.contains("neither the fleet nor the cluster has a password of Grafana"), "{text}");
    assert!(text.contains("next: homehive secrets init"), "{text}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = hand::client(&place.api).await;
        let namespace = serde_json::json!({ "metadata": { "name": "monitoring" } });
        let api: Api<Namespace> = Api::all(client.clone());
        api.create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()).await.unwrap();
        let secret = serde_json::json!({ "metadata": { "name": "grafana-admin" },
            "stringData": { "admin-user": "admin", "admin-password": "of grafana: ü" } });
        let api: Api<Secret> = Api::namespaced(client, "monitoring");
        api.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    });
    let output = place.command(&words).output().unwrap();
    let story = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "of grafana: ü\n", "{story}");
    assert!(output.status.success() && !story.contains("of grafana"), "{story}");
}

#[test]
fn objects_are_shown_applied_and_then_the_same() {
    let Some(kinds) = definitions() else { return };
    let Some(place) = place() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(hand::client(&place.api));
    let hand = runtime.block_on(async {
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        for kind in kinds {
            api.create(&PostParams::default(), &serde_json::from_value(kind).unwrap()).await.unwrap();
        }
        hand::play(client)
    });
    let text = place.ask(&["cluster", "diff"], 1);
    assert!(text.contains("+ create Namespace/metallb-system") && text.contains(" to create"), "{text}");
    let text = place.ask(&["cluster", "apply"], 3);
    assert!(text.contains("no terminal to ask at") && text.contains("homehive cluster apply --yes"), "{text}");
    let text = place.ask(&["cluster", "apply", "--dry-run"], 0);
    assert!(text.contains("+ create Namespace/metallb-system"), "{text}");
    let text = place.ask(&["cluster", "apply", "--yes", "--deadline", "2min"], 0);
    assert!(text.contains("created Namespace/metallb-system") && text.contains("done in"), "{text}");
    let text = place.ask(&["cluster", "diff"], 0);
    assert!(!text.contains("to create") && text.contains("as the fleet says"), "{text}");
    let text = place.ask(&["cluster", "apply"], 0);
    assert!(text.contains("nothing changed"), "{text}");
    for (verb, words) in
        [("cluster-diff", &["cluster", "diff", "--json"][..]), ("cluster-apply", &["cluster", "apply", "--json"])]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_homehive"))
            .current_dir(place.dir.path())
            .env("HOME", place.dir.path())
            .args(words)
            .output();
        let answer: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/schema/{verb}.schema.json"));
        let schema: serde_json::Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
        jsonschema::validate(&schema, &answer).unwrap_or_else(|error| panic!("{verb}: {error}"));
    }
    // The kubeconfig of a cluster that is gone: what to do is said.
    let path = place.kubeconfig();
    let old = fs::read_to_string(&path).unwrap().replace(&place.api.port().to_string(), "1");
    fs::write(&path, old).unwrap();
    let text = place.ask(&["cluster", "status"], 4);
    assert!(text.contains("gives no answer") && text.contains("next: homehive cluster kubeconfig"), "{text}");
    drop(hand);
}
