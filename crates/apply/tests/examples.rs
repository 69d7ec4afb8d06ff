//! Everything that the examples' clusters consist of, applied on a real API server: once it is made, a second time nothing
//! changes, and without the fleet it goes, apart from what data goes with.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod apiserver;
mod hand;

use apiserver::{ApiServer, definitions};
use apply::{Brought, Cluster, Consent, Deadlines, Order, bring, plan};
use cluster::{Catalogue, Manifest, Upstream};
use fleet::{Fleet, Format};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, PostParams};
use machine::Story;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// What is handed in of other projects: the stand-in that the tests of `cluster` have.
fn upstream() -> Upstream {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster/tests/upstream/samba-operator");
    let mut upstream = Upstream::default();
    for path in Catalogue::built_in().unwrap().source("samba-operator").unwrap().files.keys() {
        let text = std::fs::read_to_string(dir.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        upstream.add("samba-operator", path, text);
    }
    upstream
}

async fn applied_twice(text: &str) {
    let Some(kinds) = definitions() else { return };
    let Some(server) = ApiServer::start() else { return };
    let client = hand::client(&server).await;
    let cluster = Cluster::connect(&server.kubeconfig()).await.unwrap();
    let fleet = Fleet::parse(text, "fleet.toml", Format::Toml).unwrap_or_else(|report| panic!("{report:?}"));
    let files = cluster::render(&fleet, &upstream()).unwrap();
    // Kinds that the charts bring; those that are rendered come by themselves.
    let ours: Vec<String> = files.iter().flat_map(|file| &file.objects).map(|object| object.key().name).collect();
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for kind in kinds.into_iter().filter(|kind| !ours.iter().any(|name| kind["metadata"]["name"] == **name)) {
        api.create(&PostParams::default(), &serde_json::from_value(kind).unwrap()).await.unwrap();
    }
    let hand = hand::play(client);
    let objects: usize = files.iter().map(|file| file.objects.len()).sum();
    assert!(objects > 10, "{objects} objects are few");
    let consent = Consent::default();
    let story = Story::silent();
    let bring = async |files: &[Manifest]| {
        let deadlines = Deadlines::all(Duration::from_mins(3));
        bring(&cluster, &Order { manifests: files, consent: &consent, deadlines, name: "home", story: &story }).await
    };
    let first = bring(&files).await.unwrap_or_else(|stop| panic!("{stop}"));
    assert_eq!(first.created.len() + first.changed.len() + first.same, objects, "{first:?}");
    let before = versions(&cluster, &files).await;
    let second = bring(&files).await.unwrap_or_else(|stop| panic!("{stop}"));
    assert_eq!(second, Brought { same: objects, ..Brought::default() });
    assert_eq!(versions(&cluster, &files).await, before, "a second time changes no object");
    let observed = cluster.observe(&files, &consent).await.unwrap();
    assert!(plan(&files, &observed, &consent).is_empty());

    let last = bring(&[]).await.unwrap_or_else(|stop| panic!("{stop}"));
    assert_eq!(last.removed.len() + last.kept.len(), first.created.len(), "{last:?}");
    let dear = ["PersistentVolumeClaim/", "PersistentVolume/", "Namespace/", "CustomResourceDefinition/"];
    for name in &last.kept {
        assert!(dear.iter().any(|kind| name.to_string().starts_with(kind)), "{name} is kept");
    }
    for name in &last.removed {
        assert!(!dear.iter().any(|kind| name.to_string().starts_with(kind)), "{name} is removed");
    }
    println!(
        "{objects} objects: {} created, {} removed, {} kept",
        first.created.len(),
        last.removed.len(),
        last.kept.len()
    );
    drop(hand);
}

async fn versions(cluster: &Cluster, files: &[Manifest]) -> Vec<Value> {
    let mut all = Vec::new();
    for object in files.iter().flat_map(|file| &file.objects) {
        let live = cluster.get(&object.key()).await.unwrap().unwrap_or_else(|| panic!("{} is not there", object.key()));
        all.push(live["metadata"]["resourceVersion"].clone());
    }
    all
}

#[tokio::test]
async fn the_nas() {
    applied_twice(include_str!("../../../examples/nas/fleet.toml")).await;
}

#[tokio::test]
async fn the_cluster() {
    applied_twice(include_str!("../../../examples/cluster/fleet.toml")).await;
}
