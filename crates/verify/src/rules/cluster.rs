//! What Kubernetes says of its nodes, pods and claims.

use super::{output, verdict};
use crate::Printed;
use crate::judge::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is true of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClusterRule {
    /// `kubectl get nodes -o json`: this node is Ready.
    NodeReady {
        /// The node.
        node: String,
    },
    /// `kubectl get pods -A -o json`: every pod runs and is ready, or has done its work.
    PodsHealthy {
        /// Namespaces that must hold at least one pod.
        namespaces: Vec<String>,
    },
    /// The list of manifest files: for each of these names there is one that begins with it.
    Manifests {
        /// Beginnings of file names.
        names: Vec<String>,
    },
    /// The answers of applying a claim with a pod that writes to it, waiting for the pod, and reading the file on the
    /// machine: it holds this.
    ClaimHolds {
        /// What the pod wrote.
        content: String,
    },
}

#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: String,
    conditions: Vec<Condition>,
    container_statuses: Vec<Container>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    state: serde_json::Map<String, serde_json::Value>,
}

impl ClusterRule {
    pub(super) fn judge(&self, answers: &[&Printed]) -> Verdict {
        match self {
            Self::NodeReady { node } => node_ready(output(answers, 0)?, node),
            Self::PodsHealthy { namespaces } => pods_healthy(output(answers, 0)?, namespaces),
            Self::Manifests { names } => manifests(output(answers, 0)?, names),
            Self::ClaimHolds { content } => {
                output(answers, 0)?;
                output(answers, 1)?;
                let found = output(answers, 2)?.trim();
                if found == content {
                    return Ok("written by a pod, found on the machine".to_owned());
                }
                Err(format!("the claim's directory holds `{found}`, not what the pod wrote"))
            }
        }
    }
}

fn objects(json: &str) -> Result<Vec<Object>, String> {
    let list: Result<List<Object>, _> = serde_json::from_str(json);
    list.map(|list| list.items).map_err(|error| format!("kubectl's answer cannot be read: {error}"))
}

fn node_ready(json: &str, node: &str) -> Verdict {
    let nodes = objects(json)?;
    let Some(found) = nodes.iter().find(|object| object.metadata.name == node) else {
        let names: Vec<_> = nodes.iter().map(|object| object.metadata.name.as_str()).collect();
        return Err(format!("no node {node} in the cluster, only: {}", names.join(", ")));
    };
    match found.status.conditions.iter().find(|condition| condition.kind == "Ready") {
        Some(ready) if ready.status == "True" => Ok(format!("{node} is Ready")),
        Some(ready) => Err(format!("{node} is not Ready: {}", ready.message)),
        None => Err(format!("{node} does not say whether it is Ready")),
    }
}

fn pods_healthy(json: &str, namespaces: &[String]) -> Verdict {
    let pods = objects(json)?;
    let mut wrong = Vec::new();
    for name in namespaces.iter().filter(|name| !pods.iter().any(|pod| pod.metadata.namespace == **name)) {
        wrong.push(format!("no pod in namespace {name}"));
    }
    for pod in &pods {
        let (status, name) = (&pod.status, format!("{}/{}", pod.metadata.namespace, pod.metadata.name));
        let ready = status.container_statuses.iter().filter(|container| container.ready).count();
        let all = status.container_statuses.len();
        if status.phase == "Succeeded" || status.phase == "Running" && all > 0 && ready == all {
            continue;
        }
        let waiting = status
            .container_statuses
            .iter()
            .find_map(|container| container.state.get("waiting")?.get("reason")?.as_str());
        let waiting = waiting.map(|reason| format!(", {reason}")).unwrap_or_default();
        wrong.push(format!("{name}: {}, {ready} of {all} containers ready{waiting}", status.phase));
    }
    verdict(&wrong, format!("{} pods", pods.len()))
}

fn manifests(list: &str, names: &[String]) -> Verdict {
    let files: Vec<&str> = list.lines().filter_map(|line| line.trim().rsplit('/').next()).collect();
    let absent = names.iter().filter(|name| !files.iter().any(|file| file.starts_with(name.as_str())));
    let wrong: Vec<_> = absent.map(|name| format!("no manifest {name}")).collect();
    if names.is_empty() {
        return Err("no manifest is expected: report this as a bug".to_owned());
    }
    verdict(&wrong, format!("{} files", files.len()))
}

#[cfg(test)]
mod tests {
    use super::ClusterRule;
    use crate::Printed;

    fn pod(namespace: &str, name: &str, status: &str) -> String {
        format!(r#"{{"metadata":{{"name":"{name}","namespace":"{namespace}"}},"status":{status}}}"#)
    }

    #[test]
    fn tables() {
        let ready = |status: &str| {
            format!(
                r#"{{"items":[{{"metadata":{{"name":"nas"}},"status":{{"conditions":[
                {{"type":"MemoryPressure","status":"False"}},
                {{"type":"Ready","status":"{status}","message":"container runtime is down"}}]}}}}]}}"#
            )
        };
        let node = || ClusterRule::NodeReady { node: "nas".into() };
        let pods = || ClusterRule::PodsHealthy { namespaces: vec!["kube-system".into()] };
        let good = pod("kube-system", "coredns-1", r#"{"phase":"Running","containerStatuses":[{"ready":true}]}"#);
        let done =
            pod("kube-system", "helm-install-x", r#"{"phase":"Succeeded","containerStatuses":[{"ready":false}]}"#);
        let bad = pod(
            "monitoring",
            "grafana-1",
            r#"{"phase":"Running","containerStatuses":[{"ready":true},{"ready":false,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}"#,
        );
        let pending = pod("samba", "share-1", r#"{"phase":"Pending"}"#);
        let list = |items: &[&str]| format!(r#"{{"items":[{}]}}"#, items.join(","));
        let files = || ClusterRule::Manifests { names: vec!["metallb".into(), "samba".into()] };
        let cases = vec![
            ("ready", node(), ready("True"), Ok("nas is Ready")),
            ("not ready", node(), ready("False"), Err("container runtime is down")),
            ("unknown", node(), ready("Unknown"), Err("not Ready")),
            ("another node", ClusterRule::NodeReady { node: "pi".into() }, ready("True"), Err("only: nas")),
            ("no json", node(), "No resources found".into(), Err("cannot be read")),
            ("pods", pods(), list(&[&good, &done]), Ok("2 pods")),
            (
                "crash",
                pods(),
                list(&[&good, &bad]),
                Err("monitoring/grafana-1: Running, 1 of 2 containers ready, CrashLoopBackOff"),
            ),
            ("pending", pods(), list(&[&good, &pending]), Err("samba/share-1: Pending")),
            ("none", pods(), list(&[]), Err("no pod in namespace kube-system")),
            ("files", files(), "/m/metallb.yaml\n/m/samba-ns.yaml\n/m/coredns.yaml\n".into(), Ok("3 files")),
            ("file missing", files(), "/m/metallb.yaml\n".into(), Err("no manifest samba")),
            ("none expected", ClusterRule::Manifests { names: vec![] }, "a\n".into(), Err("bug")),
        ];
        for (case, rule, stdout, wanted) in cases {
            match (rule.judge(&[&Printed { stdout, ..Printed::default() }]), wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{case}"),
                (Err(found), Err(wanted)) => assert!(found.contains(wanted), "{case}: {found}"),
                (found, _) => panic!("{case}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_claim_needs_all_three_answers() {
        let rule = ClusterRule::ClaimHolds { content: "x1".into() };
        let says = |status, stdout: &str| Printed { status, stdout: stdout.into(), stderr: "timed out".into() };
        let (good, late) = (says(0, "x1\n"), says(1, ""));
        assert!(rule.judge(&[&good, &good, &good]).is_ok());
        assert!(rule.judge(&[&good, &late, &good]).is_err());
        assert!(rule.judge(&[&good, &good, &says(0, "x2")]).is_err());
        assert!(rule.judge(&[&good, &good]).is_err());
    }
}
