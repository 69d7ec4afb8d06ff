//! Volumes on a real API server: one that would move is refused with a reason and moves by leaving and coming back; one
//! whose claim was removed is bound to the claim that is declared anew.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod apiserver;
mod hand;

use apiserver::ApiServer;
use apply::{Brought, Cluster, Consent, Deadlines, Order, Stop, bring, plan};
use cluster::volumes::Local;
use cluster::{Key, Manifest, Object, Wave};
use k8s_openapi::api::core::v1::PersistentVolume;
use kube::api::{Api, DeleteParams, PostParams};
use machine::Story;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_mins(2);

struct Bench {
    /// Ends with the test.
    _server: ApiServer,
    cluster: Cluster,
    client: kube::Client,
    _hand: hand::Hand,
}

/// A namespace, and in it a claim on a volume that lies there.
fn share(machine: &str, path: &str) -> Vec<Manifest> {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "samba" } });
    let machine = machine.parse().unwrap();
    let local =
        Local { name: "share-a".into(), claim: ("samba", "a"), machine: &machine, path: path.into(), size: None };
    let file = |name: &str, objects| Manifest { wave: Wave::Ground, name: name.into(), head: String::new(), objects };
    vec![
        file("namespace-samba", vec![Object::from_value(namespace).unwrap()]),
        file("volume-share-a", vec![Object::of(&local.volume()).unwrap(), Object::of(&local.claim()).unwrap()]),
    ]
}

const CLAIM: &str = "PersistentVolumeClaim/samba/a";
const VOLUME: &str = "PersistentVolume/share-a";

impl Bench {
    async fn new() -> Option<Self> {
        let server = ApiServer::start()?;
        let cluster = Cluster::connect(&server.kubeconfig()).await.unwrap();
        let client = hand::client(&server).await;
        let hand = hand::play(client.clone());
        Some(Self { _server: server, cluster, client, _hand: hand })
    }

    async fn bring(&self, manifests: &[Manifest], prune: &[&str], span: Duration) -> Result<Brought, Stop> {
        let prune = prune.iter().map(|name| name.parse().unwrap()).collect();
        let (consent, story) = (Consent { prune, ..Consent::default() }, Story::silent());
        let deadlines = Deadlines::all(span);
        bring(&self.cluster, &Order { manifests, consent: &consent, deadlines, name: "home", story: &story }).await
    }

    async fn diff(&self, manifests: &[Manifest]) -> String {
        let consent = Consent::default();
        plan(manifests, &self.cluster.observe(manifests, &consent).await.unwrap(), &consent).text()
    }

    async fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Value {
        let key = Key {
            api_version: "v1".into(),
            kind: kind.into(),
            namespace: namespace.map(str::to_owned),
            name: name.into(),
        };
        self.cluster.get(&key).await.unwrap().unwrap_or_default()
    }

    async fn volume(&self) -> Value {
        self.get("PersistentVolume", None, "share-a").await
    }

    async fn claim(&self) -> Value {
        self.get("PersistentVolumeClaim", Some("samba"), "a").await
    }

    /// Until the hand has said so.
    async fn is(&self, phase: &str) {
        let end = Instant::now() + SOON;
        while self.volume().await["status"]["phase"] != phase {
            assert!(Instant::now() < end, "it is {}", self.volume().await["status"]["phase"]);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn a_volume_moves_by_leaving_and_coming_back() {
    let Some(bench) = Bench::new().await else { return };
    let (here, there) = (share("nas", "/data/a"), share("worker", "/data/a"));
    bench.bring(&here, &[], SOON).await.unwrap();
    assert_eq!(bench.claim().await["status"]["phase"], "Bound", "it was awaited");

    for (moved, place) in [(&there, "/data/a on worker"), (&share("nas", "/disk/a"), "/disk/a on nas")] {
        let reason = format!("it lies in /data/a on nas, and the fleet says {place}");
        let text = bench.diff(moved).await;
        assert!(text.contains(&format!("! {VOLUME} (10-volume-share-a.yaml)")) && text.contains(&reason), "{text}");
        let stop = bench.bring(moved, &[], SOON).await.unwrap_err().to_string();
        assert!(stop.contains(&reason) && stop.contains("docs/shares.md"), "{stop}");
    }

    // By the steps: it leaves; the claim goes before the volume, which is held as long as it is bound.
    let namespace = &here[..1];
    let brought = bench.bring(namespace, &[CLAIM, VOLUME], SOON).await.unwrap();
    assert_eq!(brought.removed.iter().map(ToString::to_string).collect::<Vec<_>>(), [CLAIM, VOLUME]);
    let brought = bench.bring(&there, &[], SOON).await.unwrap();
    assert_eq!(brought.created.len(), 2, "{brought:?}");
    assert_eq!(bench.claim().await["status"]["phase"], "Bound");
    let place = "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0";
    assert_eq!(bench.volume().await.pointer(place).unwrap(), "worker");
}

#[tokio::test]
async fn a_claim_that_comes_back_is_bound() {
    let Some(bench) = Bench::new().await else { return };
    let share = share("nas", "/data/a");
    bench.bring(&share, &[], SOON).await.unwrap();
    let before = bench.volume().await;
    let uid = before["spec"]["claimRef"]["uid"].as_str().unwrap().to_owned();

    // The claim alone is removed, by its name.
    let brought = bench.bring(&share[..1], &[CLAIM], SOON).await.unwrap();
    assert_eq!((brought.removed.len(), brought.kept.len()), (1, 1), "{brought:?}");
    bench.is("Released").await;

    // Declared again: it is said that the volume forgets, and it does.
    let text = bench.diff(&share).await;
    assert!(text.contains(&format!("~ change {VOLUME}\n")), "{text}");
    assert!(text.contains(&format!("its former claim samba/a (uid {uid}) is gone: freed for")), "{text}");
    let brought = bench.bring(&share, &[], SOON).await.unwrap();
    assert_eq!((brought.created.len(), brought.changed.len()), (1, 1), "{brought:?}");
    let (claim, volume) = (bench.claim().await, bench.volume().await);
    assert_eq!(claim["status"]["phase"], "Bound");
    assert_eq!(volume["spec"]["claimRef"]["uid"], claim["metadata"]["uid"]);
    assert_eq!(volume["metadata"]["uid"], before["metadata"]["uid"], "it is the same volume");
    let again = bench.bring(&share, &[], SOON).await.unwrap();
    assert_eq!(again, Brought { same: 3, ..Brought::default() });
}

/// A volume of the same name that somebody else has made keeps its memory, and the claim says what it waits for.
#[tokio::test]
async fn anothers_volume_is_not_freed() {
    let Some(bench) = Bench::new().await else { return };
    let share = share("nas", "/data/a");
    let mut foreign: PersistentVolume = serde_json::from_value(share[1].objects[0].value().clone()).unwrap();
    let uid = "8f7f1c8e-0000-4000-8000-000000000000";
    foreign.spec.as_mut().unwrap().claim_ref.as_mut().unwrap().uid = Some(uid.to_owned());
    let volumes: Api<PersistentVolume> = Api::all(bench.client.clone());
    volumes.create(&PostParams::default(), &foreign).await.unwrap();
    bench.is("Released").await;
    let stop = bench.bring(&share, &[], Duration::from_secs(3)).await.unwrap_err().to_string();
    assert!(stop.contains(&format!("{CLAIM}: its volume share-a remembers a claim that is gone")), "{stop}");
    // Nor the next time, when homehive has set fields of it.
    let stop = bench.bring(&share, &[], Duration::from_secs(3)).await.unwrap_err().to_string();
    assert!(stop.contains("remembers a claim that is gone"), "{stop}");
    assert_eq!(bench.volume().await["spec"]["claimRef"]["uid"], uid);
    volumes.delete("share-a", &DeleteParams::default()).await.unwrap();
}
