//! Applying on a real API server: what is made, what a second time changes, what others own, what goes, what stays, what
//! stops, and what goes on after a cut.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod apiserver;
mod hand;

use apiserver::ApiServer;
use apply::{Brought, Cluster, Consent, Deadlines, Order, Stop, bring, plan};
use cluster::{Key, Manifest, Object, Wave};
use kube::api::{Api, Patch, PatchParams};
use machine::{Event, Story};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_mins(2);

fn manifest(wave: Wave, name: &str, objects: Vec<Value>) -> Manifest {
    let objects = objects.into_iter().map(|value| Object::from_value(value).unwrap()).collect();
    Manifest { wave, name: name.into(), head: String::new(), objects }
}

fn labels() -> Value {
    json!({ "app.kubernetes.io/managed-by": "homehive" })
}

fn config(name: &str, value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "home", "labels": labels() }, "data": { "a": value } })
}

fn claim() -> Value {
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": "home", "labels": labels() },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } }, "storageClassName": "" } })
}

fn definition() -> Value {
    json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "bees.example.org" },
        "spec": { "group": "example.org", "scope": "Namespaced", "names": { "kind": "Bee", "plural": "bees", "singular": "bee" },
        "versions": [{ "name": "v1", "served": true, "storage": true,
            "schema": { "openAPIV3Schema": { "type": "object", "properties": { "spec": { "type": "object", "properties": { "honey": { "type": "string" } } } } } } }] } })
}

fn bee(honey: &Value) -> Value {
    json!({ "apiVersion": "example.org/v1", "kind": "Bee", "metadata": { "name": "one", "namespace": "home" }, "spec": { "honey": honey } })
}

fn deployment() -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "work", "namespace": "home", "labels": labels() },
        "spec": { "selector": { "matchLabels": { "app": "work" } }, "template": { "metadata": { "labels": { "app": "work" } },
            "spec": { "containers": [{ "name": "c", "image": "example.invalid/c:1" }] } } } })
}

fn ground() -> Manifest {
    manifest(
        Wave::Ground,
        "ground",
        vec![
            claim(),
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "home", "labels": labels() } }),
        ],
    )
}

fn whole(value: &str) -> Vec<Manifest> {
    vec![
        ground(),
        manifest(Wave::Definitions, "bees", vec![definition()]),
        manifest(Wave::Operators, "work", vec![deployment()]),
        manifest(Wave::Objects, "objects", vec![bee(&json!("much")), config("settings", value)]),
    ]
}

struct Bench {
    server: ApiServer,
    cluster: Cluster,
    client: kube::Client,
    told: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    async fn new() -> Option<Self> {
        let server = ApiServer::start()?;
        let cluster = Cluster::connect(&server.kubeconfig()).await.unwrap();
        let client = hand::client(&server).await;
        Some(Self { server, cluster, client, told: Arc::default() })
    }

    async fn bring(&self, manifests: &[Manifest], consent: &Consent, span: Duration) -> Result<Brought, Stop> {
        let told = Arc::clone(&self.told);
        let story = Story::new(move |event| {
            if let Event::StepDone { text, .. } = event {
                told.lock().unwrap().push(text);
            }
        });
        let deadlines = Deadlines::all(span);
        bring(&self.cluster, &Order { manifests, consent, deadlines, name: "home", story: &story }).await
    }

    async fn plan(&self, manifests: &[Manifest]) -> apply::Plan {
        let consent = Consent::default();
        plan(manifests, &self.cluster.observe(manifests, &consent).await.unwrap(), &consent)
    }

    async fn versions(&self, manifests: &[Manifest]) -> Vec<Value> {
        let mut all = Vec::new();
        for object in manifests.iter().flat_map(|file| &file.objects) {
            all.push(self.cluster.get(&object.key()).await.unwrap().unwrap()["metadata"]["resourceVersion"].clone());
        }
        all
    }

    async fn has(&self, kind: &str, name: &str) -> bool {
        let key =
            Key { api_version: "v1".into(), kind: kind.into(), namespace: Some("home".into()), name: name.into() };
        self.cluster.get(&key).await.unwrap().is_some()
    }
}

fn naming(prune: &[&str], force: &[&str]) -> Consent {
    let names = |words: &[&str]| words.iter().map(|word| word.parse().unwrap()).collect();
    Consent { force: names(force), prune: names(prune) }
}

#[tokio::test]
async fn made_once_owned_by_others_pruned_and_kept() {
    let Some(bench) = Bench::new().await else { return };
    let hand = hand::play(bench.client.clone());
    let none = Consent::default();

    // Before: everything is to be made, and what the server cannot know yet is said.
    let before = bench.plan(&whole("1")).await.text();
    insta::assert_snapshot!(before);

    let brought = bench.bring(&whole("1"), &none, SOON).await.unwrap();
    assert_eq!((brought.created.len(), brought.changed.len(), brought.same), (6, 0, 0), "{brought:?}");
    let told = bench.told.lock().unwrap().clone();
    assert_eq!(told.len(), 6, "{told:?}");
    assert_eq!(told[0], "create Namespace/home", "what others lie in goes first");

    // A second time nothing changes, down to the versions of the objects.
    let versions = bench.versions(&whole("1")).await;
    assert!(bench.plan(&whole("1")).await.is_empty());
    let again = bench.bring(&whole("1"), &none, SOON).await.unwrap();
    assert_eq!(again, Brought { same: 6, ..Brought::default() });
    assert_eq!(bench.versions(&whole("1")).await, versions);

    // A change is shown field by field, and made.
    let text = bench.plan(&whole("2")).await.text();
    assert!(text.contains("~ change ConfigMap/home/settings") && text.contains("~ data.a: \"1\" → \"2\""), "{text}");
    let changed = bench.bring(&whole("2"), &none, SOON).await.unwrap();
    assert_eq!((changed.changed.len(), changed.same), (1, 5), "{changed:?}");

    // Somebody else sets a field: that is shown with his name, nothing is done, and force needs the object's name.
    let settings: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(bench.client.clone(), "home");
    let other = PatchParams { field_manager: Some("kubectl-edit".into()), ..PatchParams::default() };
    settings.patch("settings", &other, &Patch::Merge(json!({ "data": { "a": "his" } }))).await.unwrap();
    let stop = bench.bring(&whole("3"), &none, SOON).await.unwrap_err();
    let text = stop.to_string();
    assert!(matches!(stop, Stop::Conflicts { .. }), "{text}");
    assert!(text.contains(".data.a is set by kubectl-edit"), "{text}");
    assert!(text.contains("--force-conflicts ConfigMap/home/settings"), "{text}");
    assert_eq!(settings.get("settings").await.unwrap().data.unwrap()["a"], "his");
    let wrong = naming(&[], &["ConfigMap/home/other"]);
    assert!(matches!(bench.bring(&whole("3"), &wrong, SOON).await, Err(Stop::Unknown { .. })));
    bench.bring(&whole("3"), &naming(&[], &["ConfigMap/home/settings"]), SOON).await.unwrap();
    assert_eq!(settings.get("settings").await.unwrap().data.unwrap()["a"], "3");

    // What somebody else made and the fleet comes to declare is never removed.
    let foreign = PatchParams::apply("somebody");
    settings.patch("foreign", &foreign, &Patch::Apply(config("foreign", "x"))).await.unwrap();
    let mut more = whole("3");
    more.push(manifest(Wave::Objects, "more", vec![config("foreign", "x"), config("extra", "y")]));
    bench.bring(&more, &none, SOON).await.unwrap();

    // The fleet has less: what homehive made goes, the claim stays until it is named.
    let mut less = whole("3");
    less[0].objects.remove(0);
    let text = bench.plan(&less).await.text();
    assert!(text.contains("- remove ConfigMap/home/extra"), "{text}");
    assert!(text.contains("--prune PersistentVolumeClaim/home/data"), "{text}");
    assert!(!text.contains("foreign"), "{text}");
    let brought = bench.bring(&less, &none, SOON).await.unwrap();
    assert_eq!(brought.removed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["ConfigMap/home/extra"]);
    assert_eq!(brought.kept.iter().map(ToString::to_string).collect::<Vec<_>>(), ["PersistentVolumeClaim/home/data"]);
    assert!(bench.has("ConfigMap", "foreign").await && bench.has("PersistentVolumeClaim", "data").await);
    let brought = bench.bring(&less, &naming(&["PersistentVolumeClaim/home/data"], &[]), SOON).await.unwrap();
    assert_eq!(brought.removed.len(), 1, "{brought:?}");
    assert!(!bench.has("PersistentVolumeClaim", "data").await);

    // An empty fleet leaves what needs a name: the namespace, and the definition with all that is of its kind.
    let brought = bench.bring(&[], &none, SOON).await.unwrap();
    let kept: Vec<String> = brought.kept.iter().map(ToString::to_string).collect();
    assert_eq!(kept, ["CustomResourceDefinition/bees.example.org", "Namespace/home"]);
    drop(hand);
}

#[tokio::test]
async fn a_failing_object_stops_its_wave_with_its_reason() {
    let Some(bench) = Bench::new().await else { return };
    let none = Consent::default();

    // Refused by the server: the wave is not begun, later waves neither, earlier ones stay.
    let broken = vec![
        ground(),
        manifest(Wave::Definitions, "bees", vec![definition()]),
        manifest(Wave::Policies, "broken", vec![config("before", "x"), bee(&json!(7))]),
        manifest(Wave::Objects, "later", vec![config("later", "x")]),
    ];
    let stop = bench.bring(&broken, &none, SOON).await.unwrap_err().to_string();
    assert!(stop.starts_with("wave 40 stops at Bee/home/one (40-broken.yaml): "), "{stop}");
    assert!(stop.contains("spec.honey"), "{stop}");
    assert!(!bench.has("ConfigMap", "before").await && !bench.has("ConfigMap", "later").await);
    assert!(bench.has("PersistentVolumeClaim", "data").await);

    // A workload that never comes up: its wave is late, and its pod says why.
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(bench.client.clone(), "home");
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "work-1", "labels": { "app": "work" } },
        "spec": { "containers": [{ "name": "c", "image": "example.invalid/c:1" }] } });
    let pod = pods.create(&kube::api::PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    let waiting = json!({ "reason": "ImagePullBackOff", "message": "no such image" });
    let container = json!({ "name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": { "waiting": waiting } });
    hand::status(&bench.client, &pod, json!({ "containerStatuses": [container] })).await;
    let stuck = [ground(), manifest(Wave::Operators, "work", vec![deployment()]), broken[3].clone()];
    let stop = bench.bring(&stuck, &none, Duration::from_secs(3)).await.unwrap_err().to_string();
    assert!(stop.starts_with("wave 30 is not ready after 3 s"), "{stop}");
    assert!(stop.contains("Deployment/home/work: ") && stop.contains("ImagePullBackOff: no such image"), "{stop}");
    assert!(!bench.has("ConfigMap", "later").await);

    // A job that failed ends its wave at once.
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "once", "namespace": "home" }, "spec": { "template": {
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "example.invalid/c" }] } } } });
    let failed = json!({ "conditions": [{ "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often" }] });
    hand::install(&bench.client, "home", "once", failed).await;
    let mut declared = job.clone();
    declared["spec"]["template"]["spec"]["containers"][0]["name"] = json!("helm");
    declared["spec"]["template"]["spec"]["containers"][0]["image"] = json!("example.invalid/helm");
    let stop =
        bench.bring(&[manifest(Wave::Objects, "once", vec![declared])], &none, SOON).await.unwrap_err().to_string();
    assert!(stop.contains("Job/home/once") && stop.contains("BackoffLimitExceeded: too often"), "{stop}");
}

#[tokio::test]
async fn kinds_are_waited_for_and_a_cut_is_made_good() {
    let Some(mut bench) = Bench::new().await else { return };
    let none = Consent::default();

    // The kind comes with nothing that is declared: it is waited for, and said so at the deadline.
    let bees = vec![ground(), manifest(Wave::Objects, "bees", vec![bee(&json!("much"))])];
    let stop = bench.bring(&bees, &none, Duration::from_secs(2)).await.unwrap_err().to_string();
    assert!(
        stop.contains("wave 50 is not ready") && stop.contains("the kind Bee of example.org/v1 is not there"),
        "{stop}"
    );

    // It comes in the meantime, as a chart's own would.
    let kinds: Api<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> =
        Api::all(bench.client.clone());
    let later = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        kinds.create(&kube::api::PostParams::default(), &serde_json::from_value(definition()).unwrap()).await.unwrap();
    };
    let (brought, ()) = tokio::join!(bench.bring(&bees, &none, SOON), later);
    assert_eq!(brought.unwrap().created.len(), 1);

    // A webhook that its objects pass through, with nobody behind it.
    let hooks: Api<k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration> =
        Api::all(bench.client.clone());
    let hook = json!({ "metadata": { "name": "bees" }, "webhooks": [{ "name": "bees.example.org", "sideEffects": "None",
        "admissionReviewVersions": ["v1"], "clientConfig": { "service": { "namespace": "home", "name": "keeper" } },
        "rules": [{ "apiGroups": ["example.org"], "apiVersions": ["v1"], "resources": ["bees"], "operations": ["*"] }] }] });
    hooks.create(&kube::api::PostParams::default(), &serde_json::from_value(hook).unwrap()).await.unwrap();
    let more = vec![ground(), manifest(Wave::Objects, "bees", vec![bee(&json!("more"))])];
    let stop = bench.bring(&more, &none, Duration::from_secs(2)).await.unwrap_err().to_string();
    assert!(stop.contains("the webhook behind Endpoints home/keeper: no pod answers for it yet"), "{stop}");
    hooks.delete("bees", &kube::api::DeleteParams::default()).await.unwrap();

    // Cut while a wave waits: what is about to be made is written down already, and the next run goes on.
    let cut = tokio::time::timeout(Duration::from_secs(4), bench.bring(&whole("1"), &none, SOON)).await;
    assert!(cut.is_err(), "it waits for its deployment");
    assert!(!bench.has("ConfigMap", "settings").await, "the last wave is not begun");
    let inventory = bench.cluster.inventory().await.unwrap().backwards();
    assert!(inventory.iter().any(|(key, _)| key.name == "settings"), "{inventory:?}");

    // The server goes away for a moment while the next run waits, and comes back.
    let url = bench.server.url();
    let hand = hand::play(bench.client.clone());
    let brought = bench.bring(&whole("1"), &none, SOON).await.unwrap();
    assert!(bench.has("ConfigMap", "settings").await, "{brought:?}");
    bench.server.restart();
    assert_eq!(bench.server.url(), url);
    assert!(bench.plan(&whole("1")).await.is_empty());
    drop(hand);
}
