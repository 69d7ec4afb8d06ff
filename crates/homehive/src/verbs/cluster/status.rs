//! `cluster status`: how the cluster is, asked of its API.

use super::silent;
use crate::answer;
use crate::clustering::{Node, connect, nodes};
use crate::failure::Failure;
use crate::load::Loaded;
use crate::rendering::manifests;
use crate::verbs::Context;
use apply::{AskError, Cluster, Consent, Plan, Readiness, What, plan, readiness};
use cluster::Wave;
use fleet::Fleet;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;

/// The answer of `cluster status --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClusterStatusAnswer {
    /// Is everything as it should be?
    pub good: bool,
    /// The version of the API server.
    pub version: String,
    /// The nodes that the cluster has.
    pub nodes: Vec<Node>,
    /// Machines of the fleet that should be nodes and are not.
    pub missing: Vec<String>,
    /// The fleet's objects, wave by wave.
    pub waves: Vec<WaveStatus>,
    /// Workloads of the whole cluster.
    pub workloads: Vec<Workload>,
    /// Services with an address in the LAN, or waiting for one.
    pub addresses: Vec<Balanced>,
}

/// How many objects of a wave are as the fleet says.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WaveStatus {
    /// The wave, by the number that its files begin with.
    pub wave: u8,
    /// How many objects the fleet has in it.
    pub objects: usize,
    /// How many of them are not there, or differ.
    pub differ: usize,
}

/// A workload.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Workload {
    /// `Deployment/monitoring/thanos-query`
    pub object: String,
    /// Why it is not ready; none if it is.
    pub waits: Option<String>,
}

/// A service that the balancer gives an address.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Balanced {
    /// `monitoring/kube-prometheus-stack-grafana`
    pub service: String,
    /// Its address; none if it has none yet.
    pub address: Option<String>,
}

pub async fn run(context: &Context) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let files = manifests(&loaded)?;
    let (cluster, _) = connect(context, &loaded).await?;
    let consent = Consent::default();
    let asked = async {
        let observed = cluster.observe(&files, &consent).await?;
        look(&cluster, &loaded.fleet, &plan(&files, &observed, &consent)).await
    };
    let answer: Result<ClusterStatusAnswer, AskError> = asked.await;
    let answer = answer.map_err(|error| silent(context, &error))?;
    let good = answer.good;
    if context.global.json {
        answer::json("cluster-status", &answer);
    } else {
        answer::text(&answer.text());
    }
    if good { Ok(()) } else { Err(Failure::Wanting) }
}

async fn look(cluster: &Cluster, fleet: &Fleet, plan: &Plan) -> Result<ClusterStatusAnswer, AskError> {
    let all = async |version: &str, kind: &str| cluster.list(version, kind, None, "").await;
    let nodes = nodes(&all("v1", "Node").await?);
    let mut workloads = Vec::new();
    for kind in ["DaemonSet", "Deployment", "StatefulSet"] {
        workloads.extend(all("apps/v1", kind).await?.into_iter().map(|object| workload(kind, object)));
    }
    let services = all("v1", "Service").await?;
    let addresses: Vec<Balanced> =
        services.iter().filter(|it| it["spec"]["type"] == "LoadBalancer").map(balanced).collect();
    let declared = fleet.machines.iter().filter(|(_, machine)| !machine.role.is_none());
    let missing =
        declared.map(|(name, _)| name.to_string()).filter(|name| !nodes.iter().any(|node| node.name == *name));
    let missing: Vec<String> = missing.collect();
    let waves: Vec<WaveStatus> = Wave::ALL.iter().filter_map(|wave| wave_status(plan, wave.number())).collect();
    let good = missing.is_empty()
        && nodes.iter().all(|node| node.ready && !node.cordoned)
        && waves.iter().all(|wave| wave.differ == 0)
        && workloads.iter().all(|workload| workload.waits.is_none())
        && addresses.iter().all(|service| service.address.is_some());
    let version = cluster.version().await?;
    Ok(ClusterStatusAnswer { good, version, nodes, missing, waves, workloads, addresses })
}

fn wave_status(plan: &Plan, wave: u8) -> Option<WaveStatus> {
    let of = plan.objects.iter().filter(|change| change.wave == wave);
    let (objects, differ) = of.fold((0, 0), |(all, differ), it| (all + 1, differ + usize::from(it.what != What::Same)));
    (objects > 0).then_some(WaveStatus { wave, objects, differ })
}

fn called(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
}

fn workload(kind: &str, mut object: Value) -> Workload {
    // Objects in a list do not say their kind.
    object["kind"] = kind.into();
    let waits = match readiness(&object) {
        Readiness::Ready => None,
        Readiness::Waiting(why) | Readiness::Failed(why) => Some(why),
    };
    Workload { object: format!("{kind}/{}", called(&object)), waits }
}

fn balanced(service: &Value) -> Balanced {
    let first = &service["status"]["loadBalancer"]["ingress"][0];
    let address = first["ip"].as_str().or_else(|| first["hostname"].as_str()).map(str::to_owned);
    Balanced { service: called(service), address }
}

impl ClusterStatusAnswer {
    fn text(&self) -> String {
        let mut text = format!("Kubernetes {}\n", self.version);
        self.nodes.iter().for_each(|node| text.push_str(&node.text()));
        for name in &self.missing {
            let _ = writeln!(text, "node {name}: missing: the fleet says that it is one");
        }
        for WaveStatus { wave, objects, differ } in &self.waves {
            let state = if *differ == 0 {
                "as the fleet says".to_owned()
            } else {
                format!("{differ} differ: homehive cluster diff")
            };
            let _ = writeln!(text, "wave {wave}: {objects} objects, {state}");
        }
        let (ill, well): (Vec<&Workload>, Vec<&Workload>) = self.workloads.iter().partition(|it| it.waits.is_some());
        let _ = writeln!(text, "workloads: {} of {} ready", well.len(), self.workloads.len());
        for Workload { object, waits } in ill {
            let _ = writeln!(text, "  {object}: {}", waits.as_deref().unwrap_or_default());
        }
        for Balanced { service, address } in &self.addresses {
            let _ = writeln!(text, "address {}: {service}", address.as_deref().unwrap_or("none yet"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Balanced, ClusterStatusAnswer, WaveStatus, balanced, workload};
    use crate::clustering::nodes;
    use serde_json::json;

    #[test]
    fn for_people() {
        let node = json!({ "metadata": { "name": "nas", "labels": { "node-role.kubernetes.io/control-plane": "true" } },
            "status": { "addresses": [{ "type": "InternalIP", "address": "192.168.1.10" }],
                "conditions": [{ "type": "Ready", "status": "True" }], "nodeInfo": { "kubeletVersion": "v1.36.1+k3s1" } } });
        let named = |name: &str| json!({ "namespace": "monitoring", "name": name, "generation": 1 });
        let status = |available: i64| json!({ "observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": available, "replicas": 1 });
        let deployment = |name: &str, available| json!({ "metadata": named(name), "spec": { "replicas": 1 }, "status": status(available) });
        let service =
            |ingress| json!({ "metadata": named("grafana"), "status": { "loadBalancer": { "ingress": ingress } } });
        let answer = ClusterStatusAnswer {
            good: false,
            version: "v1.36.1+k3s1".into(),
            nodes: nodes(&[node]),
            missing: vec!["worker".into()],
            waves: vec![WaveStatus { wave: 10, objects: 7, differ: 0 }, WaveStatus { wave: 50, objects: 3, differ: 1 }],
            workloads: vec![
                workload("Deployment", deployment("good", 1)),
                workload("Deployment", deployment("ill", 0)),
            ],
            addresses: vec![balanced(&service(json!([{ "ip": "192.168.1.200" }]))), balanced(&service(json!([])))],
        };
        let none: Vec<&Balanced> = answer.addresses.iter().filter(|it| it.address.is_none()).collect();
        assert_eq!(none.len(), 1);
        insta::assert_snapshot!(answer.text());
    }
}
