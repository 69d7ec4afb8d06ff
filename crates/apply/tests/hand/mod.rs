//! A hand that plays the controllers of a cluster, for an API server without any: workloads become available, charts are
//! installed, balancers give addresses, claims are bound to their volumes, and what nobody holds any more goes.

#![allow(dead_code, clippy::unwrap_used, clippy::allow_attributes, reason = "each test that includes this uses a part")]

use super::apiserver::ApiServer;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Service};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams, Resource};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;

/// A client of the server.
pub async fn client(server: &ApiServer) -> Client {
    let kubeconfig = Kubeconfig::read_from(server.kubeconfig()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// A hand at work; it rests when this is dropped.
pub struct Hand(tokio::task::JoinHandle<()>);

impl Drop for Hand {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Lets a hand play the controllers.
pub fn play(client: Client) -> Hand {
    Hand(tokio::spawn(async move {
        loop {
            workloads(&client).await;
            charts(&client).await;
            balancers(&client).await;
            volumes(&client).await;
            release::<PersistentVolumeClaim>(&client, |_| false).await;
            release::<PersistentVolume>(&client, is_bound).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }))
}

async fn all<K>(client: &Client) -> Vec<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    Api::<K>::all(client.clone()).list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default()
}

/// Sets the status of an object, as its controller does; errors are another turn's.
pub async fn status<K>(client: &Client, object: &K, status: Value)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let kind = ApiResource::erase::<K>(&());
    let (meta, patch) = (object.meta(), Patch::Merge(json!({ "status": status })));
    let (namespace, name) = (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind);
    let _ = api.patch_status(&name, &PatchParams::default(), &patch).await;
}

async fn workloads(client: &Client) {
    for it in all::<Deployment>(client).await {
        let of = it.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let seen = it.metadata.generation;
        if it.status.as_ref().and_then(|status| status.observed_generation) != seen {
            let new = json!({ "observedGeneration": seen, "replicas": of, "updatedReplicas": of, "availableReplicas": of, "readyReplicas": of });
            status(client, &it, new).await;
        }
    }
    for it in all::<StatefulSet>(client).await {
        let of = it.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let seen = it.metadata.generation;
        if it.status.as_ref().and_then(|status| status.observed_generation) != seen {
            status(
                client,
                &it,
                json!({ "observedGeneration": seen, "replicas": of, "updatedReplicas": of, "readyReplicas": of }),
            )
            .await;
        }
    }
    for it in all::<DaemonSet>(client).await {
        let seen = it.metadata.generation;
        if it.status.as_ref().and_then(|status| status.observed_generation) != seen {
            let new = json!({ "observedGeneration": seen, "desiredNumberScheduled": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0,
                "numberReady": 1, "updatedNumberScheduled": 1, "numberAvailable": 1 });
            status(client, &it, new).await;
        }
    }
}

async fn charts(client: &Client) {
    let kind = ApiResource {
        group: "helm.cattle.io".into(),
        version: "v1".into(),
        api_version: "helm.cattle.io/v1".into(),
        kind: "HelmChart".into(),
        plural: "helmcharts".into(),
    };
    let charts = Api::<DynamicObject>::all_with(client.clone(), &kind).list(&ListParams::default()).await;
    for chart in charts.map(|list| list.items).unwrap_or_default() {
        let namespace = chart.metadata.namespace.clone().unwrap_or_default();
        let name = format!("helm-install-{}", chart.metadata.name.clone().unwrap_or_default());
        install(client, &namespace, &name, json!({ "conditions": [{ "type": "Complete", "status": "True" }] })).await;
    }
}

/// Makes the job that installs a chart, unless there is one, and says how it ended.
pub async fn install(client: &Client, namespace: &str, name: &str, new: Value) {
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name }, "spec": { "template": { "spec": {
        "restartPolicy": "Never", "containers": [{ "name": "helm", "image": "example.invalid/helm" }] } } } });
    if let Ok(job) = jobs.create(&PostParams::default(), &serde_json::from_value(job).unwrap()).await {
        status(client, &job, new).await;
    }
}

async fn balancers(client: &Client) {
    for it in all::<Service>(client).await {
        let balanced = it.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer");
        let ingress =
            it.status.as_ref().and_then(|status| status.load_balancer.as_ref()).and_then(|it| it.ingress.as_ref());
        if balanced && ingress.is_none_or(Vec::is_empty) {
            status(client, &it, json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } })).await;
        }
    }
}

/// Binds claims to the volumes that they name, and tells of volumes how they are, as the controller of volumes does: one
/// that remembers a claim by its identity is bound to no other.
async fn volumes(client: &Client) {
    let claims = all::<PersistentVolumeClaim>(client).await;
    let api: Api<PersistentVolume> = Api::all(client.clone());
    for volume in all::<PersistentVolume>(client).await {
        let name = volume.metadata.name.clone().unwrap_or_default();
        let kept = volume.spec.as_ref().and_then(|spec| spec.claim_ref.clone()).unwrap_or_default();
        let asks =
            |it: &&PersistentVolumeClaim| it.spec.as_ref().and_then(|spec| spec.volume_name.as_ref()) == Some(&name);
        let claim = claims
            .iter()
            .filter(asks)
            .find(|it| it.metadata.name == kept.name && it.metadata.namespace == kept.namespace);
        let uid = claim.and_then(|it| it.metadata.uid.clone());
        let phase = match (&kept.uid, claim) {
            (Some(_), _) if kept.uid != uid => "Released",
            (_, None) => "Available",
            (_, Some(claim)) => {
                if kept.uid.is_none() {
                    let bind = Patch::Merge(json!({ "spec": { "claimRef": { "uid": uid } } }));
                    if api.patch(&name, &PatchParams::default(), &bind).await.is_err() {
                        continue;
                    }
                }
                if claim.status.as_ref().and_then(|it| it.phase.as_deref()) != Some("Bound") {
                    status(client, claim, json!({ "phase": "Bound" })).await;
                }
                "Bound"
            }
        };
        if volume.status.as_ref().and_then(|it| it.phase.as_deref()) != Some(phase) {
            let patch = Patch::Merge(json!({ "status": { "phase": phase } }));
            let _ = api.patch_status(&name, &PatchParams::default(), &patch).await;
        }
    }
}

fn is_bound(volume: &PersistentVolume) -> bool {
    volume.status.as_ref().and_then(|it| it.phase.as_deref()) == Some("Bound")
}

/// Lets go what is to be deleted and held by nobody.
async fn release<K>(client: &Client, held: impl Fn(&K) -> bool)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Serialize,
{
    for it in all::<K>(client).await {
        let meta = it.meta();
        if meta.deletion_timestamp.is_some() && !held(&it) {
            let kind = ApiResource::erase::<K>(&());
            let name = meta.name.clone().unwrap_or_default();
            let api: Api<DynamicObject> = match &meta.namespace {
                Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
                None => Api::all_with(client.clone(), &kind),
            };
            let patch = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
            let _ = api.patch(&name, &PatchParams::default(), &patch).await;
        }
    }
}
