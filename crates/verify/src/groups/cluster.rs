//! What only a whole NixOS has: firewall, programs, k3s and what runs on it.

use super::Subject;
use crate::rules::{ClusterRule, FirewallRule, ShellRule};
use crate::{Ask, Check, Group, Needs, Side};
use cmd::Cmd;
use serde_json::json;

/// Where k3s takes manifests from by itself (docs.k3s.io, "Auto-Deploying Manifests").
const MANIFESTS: &str = "/var/lib/rancher/k3s/server/manifests";

/// Programs that every machine of homehive has.
const PROGRAMS: [&str; 7] = ["mdadm", "lvs", "xfs_repair", "smartctl", "sensors", "htop", "git"];

/// Prints the path of every program given.
const WHICH: &str = "for name; do command -v \"$name\"; done";

/// Only an interactive bash reads what defines aliases and completion.
const COMPLETION: &str = "alias kubectl; complete -p kubectl k3s";

/// The image of the pod that writes to a claim; pinned, and small.
const IMAGE: &str = "docker.io/library/busybox:1.37.0";

const NAME: &str = "homehive-verify";

fn group(id: &'static str, title: &str, needs: &[Needs], checks: Vec<Check>) -> Group {
    Group { id, title: title.to_owned(), needs: needs.to_vec(), checks }
}

fn kubectl(words: &[&str]) -> Cmd {
    Cmd::new("k3s").arg("kubectl").args(words.iter().copied())
}

pub(super) fn firewall(subject: &Subject) -> Group {
    let tcp = if subject.k3s_server { vec![22, 6443] } else { vec![22] };
    let ask = Ask::run(Side::Root, Cmd::new("iptables-save").args(["-t", "filter"]));
    let check = Check::one("ports", "what comes in is refused, but for declared ports", ask, FirewallRule { tcp });
    group("firewall", "Firewall", &[Needs::Nixos], vec![check])
}

pub(super) fn k3s(subject: &Subject) -> Option<Group> {
    let ask = Ask::run(Side::Root, kubectl(&["get", "nodes", "-o", "json"]));
    let rule = ClusterRule::NodeReady { node: subject.machine.clone() };
    let check = Check::one("ready", "the node is Ready", ask, rule);
    subject.k3s_server.then(|| group("k3s", "k3s is ready", &[Needs::Nixos], vec![check]))
}

pub(super) fn manifests(subject: &Subject) -> Option<Group> {
    let ask = Ask::run(Side::Root, Cmd::new("find").args(["-L", MANIFESTS, "-type", "f"]));
    let rule = ClusterRule::Manifests { names: subject.manifests.clone() };
    let check = Check::one("present", "every declared manifest is there", ask, rule);
    let wanted = subject.k3s_server && !subject.manifests.is_empty();
    wanted.then(|| group("manifests", "Kubernetes manifests", &[Needs::Nixos], vec![check]))
}

pub(super) fn packages(subject: &Subject) -> Group {
    let names = PROGRAMS.into_iter().chain(subject.k3s_server.then_some("k3s"));
    let names: Vec<String> = names.map(str::to_owned).collect();
    // A login shell has the PATH that the admin has.
    let cmd = Cmd::new("bash").args(["-lc", WHICH, NAME]).args(names.iter().map(String::as_str));
    let check =
        Check::one("programs", "programs are there", Ask::run(Side::Machine, cmd), ShellRule::Programs { names });
    group("packages", "Packages", &[Needs::Nixos], vec![check])
}

pub(super) fn completion(subject: &Subject) -> Option<Group> {
    let ask = Ask::run(Side::Machine, Cmd::new("bash").args(["-ic", COMPLETION]));
    let rule = ShellRule::Completion {
        alias: "kubectl".to_owned(),
        means: "k3s kubectl".to_owned(),
        commands: vec!["kubectl".to_owned(), "k3s".to_owned()],
    };
    let check = Check::one("kubectl", "kubectl is an alias, and completes", ask, rule);
    subject.k3s_server.then(|| group("completion", "Shell completion", &[Needs::Nixos], vec![check]))
}

pub(super) fn pods(subject: &Subject) -> Option<Group> {
    let ask = Ask::run(Side::Root, kubectl(&["get", "pods", "-A", "-o", "json"]));
    let rule = ClusterRule::PodsHealthy { namespaces: subject.namespaces.clone() };
    let check = Check::one("healthy", "every pod is ready", ask, rule);
    let needs = [Needs::Nixos, Needs::Network];
    subject.k3s_server.then(|| group("pods", "Pods are healthy", &needs, vec![check]))
}

pub(super) fn claim(subject: &Subject) -> Option<Group> {
    let root = |cmd| Ask::run(Side::Root, cmd);
    let done = "--for=jsonpath={.status.phase}=Succeeded";
    let pod = format!("pod/{NAME}");
    let find = ["/data/kubernetes", "-path", "*_default_homehive-verify/proof", "-exec", "cat", "{}", "+"];
    let asks = vec![
        root(kubectl(&["apply", "-f", "-"]).input(objects(&subject.nonce).to_string())),
        root(kubectl(&["wait", done, "--timeout=180s", &pod])),
        root(Cmd::new("find").args(find)),
        root(kubectl(&["delete", "--ignore-not-found", "--timeout=60s", &pod, &format!("pvc/{NAME}")])),
    ];
    let rule = ClusterRule::ClaimHolds { content: subject.nonce.clone() };
    let check = Check::many("written", "a claim is written by a pod and found under /data/kubernetes", asks, rule);
    let needs = [Needs::Nixos, Needs::Network];
    let wanted = subject.k3s_server && subject.wish.mounts.iter().any(|mount| mount.path == "/data");
    wanted.then(|| group("claim", "Volume claims on /data/kubernetes", &needs, vec![check]))
}

/// A claim, and a pod that writes `nonce` to it.
fn objects(nonce: &str) -> serde_json::Value {
    let metadata = json!({ "name": NAME, "namespace": "default" });
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata,
        "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "local-path",
                  "resources": { "requests": { "storage": "1Mi" } } },
    });
    let container = json!({
        "name": "write", "image": IMAGE,
        "command": ["sh", "-c", "printf '%s' \"$1\" >/claim/proof", "write", nonce],
        "volumeMounts": [{ "name": "claim", "mountPath": "/claim" }],
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": { "restartPolicy": "Never", "containers": [container],
                  "volumes": [{ "name": "claim", "persistentVolumeClaim": { "claimName": NAME } }] },
    });
    json!({ "apiVersion": "v1", "kind": "List", "items": [claim, pod] })
}
