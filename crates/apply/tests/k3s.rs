//! Beside a k3s that places the same objects from files, on a real API server: what leaves the fleet goes, whoever has set it,
//! and what was placed is found again although homehive never applied it. The part of k3s is played by hand.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod apiserver;
mod hand;

use apiserver::ApiServer;
use apply::{Brought, Cluster, Consent, Deadlines, Order, Stop, bring, plan};
use cluster::{Key, Manifest, Object, Wave};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{Api, Patch, PatchParams, PostParams};
use machine::Story;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn config(name: &str, data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": "default", "labels": { "app.kubernetes.io/managed-by": "homehive" } }, "data": data })
}

fn fleet(objects: Vec<Value>) -> Vec<Manifest> {
    let objects = objects.into_iter().map(|value| Object::from_value(value).unwrap()).collect();
    vec![Manifest { wave: Wave::Objects, name: "settings".into(), head: String::new(), objects }]
}

/// As k3s does it: its notes beside what the file says, and an update of its own.
async fn place(client: &kube::Client, mut object: Value) {
    object["metadata"]["annotations"] = json!({ "objectset.rio.cattle.io/owner-gvk": "k3s.cattle.io/v1, Kind=Addon",
        "objectset.rio.cattle.io/owner-name": "50-settings", "objectset.rio.cattle.io/id": "" });
    object["metadata"]["labels"]["objectset.rio.cattle.io/hash"] = json!("0123");
    let params = PostParams { field_manager: Some("deploy@nas".into()), ..PostParams::default() };
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    api.create(&params, &serde_json::from_value(object).unwrap()).await.unwrap();
}

async fn brought(cluster: &Cluster, manifests: &[Manifest], consent: &Consent) -> Result<Brought, Stop> {
    let (story, deadlines) = (Story::new(|_| {}), Deadlines::all(Duration::from_mins(2)));
    bring(cluster, &Order { manifests, consent, deadlines, name: "home", story: &story }).await
}

async fn text(cluster: &Cluster, manifests: &[Manifest]) -> String {
    let consent = Consent::default();
    plan(manifests, &cluster.observe(manifests, &consent).await.unwrap(), &consent).text()
}

#[tokio::test]
async fn what_k3s_has_set_too_goes_with_the_fleet() {
    let Some(server) = ApiServer::start() else { return };
    let cluster = Cluster::connect(&server.kubeconfig()).await.unwrap();
    let client = hand::client(&server).await;
    let none = Consent::default();
    place(&client, config("settings", &json!({ "a": "1", "b": "2" }))).await;
    place(&client, config("gone", &json!({ "a": "1" }))).await;
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "default");

    // The first application of all, and the fleet has less than what was placed: a field, and a whole file.
    let less = fleet(vec![config("settings", &json!({ "a": "1" }))]);
    let told = text(&cluster, &less).await;
    assert!(told.contains("~ change ConfigMap/default/settings") && told.contains("- data.b"), "{told}");
    assert!(told.contains("- remove ConfigMap/default/gone"), "{told}");
    let brought_first = brought(&cluster, &less, &none).await.unwrap();
    assert_eq!((brought_first.changed.len(), brought_first.removed.len()), (1, 1), "{brought_first:?}");
    let live = api.get("settings").await.unwrap();
    assert_eq!(live.data.unwrap().into_keys().collect::<Vec<_>>(), ["a"]);
    let annotations = live.metadata.annotations.unwrap();
    assert!(annotations.contains_key("objectset.rio.cattle.io/owner-gvk"), "k3s' notes stay its own: {annotations:?}");
    assert!(api.get_opt("gone").await.unwrap().is_none());
    assert!(text(&cluster, &less).await.contains("1 as the fleet says"));

    // k3s passes over a newer file, and the fleet has less again.
    let change = json!({ "data": { "c": "3" } });
    let file = PatchParams { field_manager: Some("deploy@nas".into()), ..PatchParams::default() };
    api.patch("settings", &file, &Patch::Merge(change)).await.unwrap();
    let both = fleet(vec![config("settings", &json!({ "a": "1", "c": "3" }))]);
    brought(&cluster, &both, &none).await.unwrap();
    assert!(text(&cluster, &less).await.contains("- data.c"));
    brought(&cluster, &less, &none).await.unwrap();
    assert_eq!(api.get("settings").await.unwrap().data.unwrap().into_keys().collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn a_namespace_made_for_the_secrets_can_be_named() {
    let Some(server) = ApiServer::start() else { return };
    let cluster = Cluster::connect(&server.kubeconfig()).await.unwrap();
    let client = hand::client(&server).await;
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": "samba", "labels": { "app.kubernetes.io/managed-by": "homehive" } } });
    let api: Api<Namespace> = Api::all(client.clone());
    api.patch("samba", &PatchParams::apply("homehive-secrets"), &Patch::Apply(namespace.clone())).await.unwrap();
    let with = fleet(vec![namespace]);
    brought(&cluster, &with, &Consent::default()).await.unwrap();
    let kept = brought(&cluster, &[], &Consent::default()).await.unwrap().kept;
    assert_eq!(kept.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Namespace/samba"]);
    let misspelt = Consent { prune: vec!["Namespace/sambe".parse().unwrap()], ..Consent::default() };
    let stop = brought(&cluster, &[], &misspelt).await.unwrap_err();
    assert!(stop.to_string().contains("to be removed there is Namespace/samba"), "{stop}");
    let key = Key { api_version: "v1".into(), kind: "Namespace".into(), namespace: None, name: "samba".into() };
    assert!(cluster.get(&key).await.unwrap().is_some());
}

#[tokio::test]
async fn what_was_placed_goes_into_the_inventory() {
    let Some(server) = ApiServer::start() else { return };
    let cluster = Cluster::connect(&server.kubeconfig()).await.unwrap();
    let client = hand::client(&server).await;
    place(&client, config("settings", &json!({ "a": "1" }))).await;
    brought(&cluster, &fleet(vec![config("settings", &json!({ "a": "1" }))]), &Consent::default()).await.unwrap();
    let names: Vec<String> =
        cluster.inventory().await.unwrap().backwards().into_iter().map(|(key, _)| key.name).collect();
    assert_eq!(names, ["settings"]);
}

#[tokio::test]
async fn a_namespace_of_the_secrets_that_left_before_the_first_apply_is_found() {
    let Some(server) = ApiServer::start() else { return };
    let cluster = Cluster::connect(&server.kubeconfig()).await.unwrap();
    let client = hand::client(&server).await;
    let labels = json!({ "app.kubernetes.io/managed-by": "homehive" });
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "samba", "labels": labels } });
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "users", "namespace": "default", "labels": labels } });
    let theirs = PatchParams::apply("homehive-secrets");
    Api::<Namespace>::all(client.clone()).patch("samba", &theirs, &Patch::Apply(namespace)).await.unwrap();
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "default");
    secrets.patch("users", &theirs, &Patch::Apply(secret)).await.unwrap();
    let done = brought(&cluster, &[], &Consent::default()).await.unwrap();
    assert_eq!(done.kept.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Namespace/samba"]);
    assert!(done.removed.is_empty() && secrets.get_opt("users").await.unwrap().is_some(), "{done:?}");
    let named = Consent { prune: vec!["Namespace/samba".parse().unwrap()], ..Consent::default() };
    assert_eq!(text_of(&cluster, &named).await.trim().lines().nth(1), Some("  - remove Namespace/samba"));
}

/// The server is away when it begins, and once more while a workload is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_again_is_waited_for() {
    let Some(mut server) = ApiServer::start() else { return };
    let cluster = Cluster::connect(&server.kubeconfig()).await.unwrap();
    let client = hand::client(&server).await;
    let labels = json!({ "app": "work" });
    let work = json!({ "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "work", "namespace": "default", "labels": { "app.kubernetes.io/managed-by": "homehive" } },
        "spec": { "selector": { "matchLabels": labels }, "template": { "metadata": { "labels": labels },
            "spec": { "containers": [{ "name": "c", "image": "example.invalid/c:1" }] } } } });
    server.cut();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let hears = Arc::clone(&told);
    let story = Story::new(move |event| hears.lock().unwrap().push(format!("{event:?}")));
    let (manifests, consent, deadlines) =
        (fleet(vec![work]), Consent::default(), Deadlines::all(Duration::from_mins(8)));
    let order = Order { manifests: &manifests, consent: &consent, deadlines, name: "home", story: &story };
    let heard = async |what: &str, times: usize| {
        for _ in 0..2400 {
            if told.lock().unwrap().iter().filter(|line| line.contains(what)).count() >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{what} was not told: {:#?}", told.lock().unwrap());
    };
    let misfortunes = async {
        heard("waits: ", 1).await;
        let mut server = again(server).await;
        // It is applied, and waited for.
        heard("its controller has not seen it", 1).await;
        let before = told.lock().unwrap().iter().filter(|line| line.contains("waits: ")).count();
        server.cut();
        heard("waits: ", before + 1).await;
        (again(server).await, hand::play(client))
    };
    // Unwrapped at once: the other side would wait for what an end in error never tells.
    let brought = async { bring(&cluster, &order).await.unwrap() };
    let (done, _server) = tokio::join!(brought, misfortunes);
    assert_eq!(done.created.len(), 1, "{done:?}");
}

async fn again(mut server: ApiServer) -> ApiServer {
    let serve = move || {
        server.serve();
        server
    };
    tokio::task::spawn_blocking(serve).await.unwrap()
}

async fn text_of(cluster: &Cluster, consent: &Consent) -> String {
    plan(&[], &cluster.observe(&[], consent).await.unwrap(), consent).text()
}
