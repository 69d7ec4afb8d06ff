//! What a hand-made publisher did wrong, each on what homehive renders for its example: the shares as they will be in the
//! cluster, not as this crate would like them.

use cluster::{Catalogue, Object, Upstream};
use fleet::{Fleet, Format};
use k8s_openapi::api::core::v1::Service;
use publisher::{Announcement, Balancer, Kind, NamePattern, Share, SmbShare, Wanted, wanted};
use serde_json::json;
use std::path::Path;

const EXAMPLE: &str = include_str!("../../../examples/nas/fleet.toml");

/// What is rendered for a fleet.
fn objects(text: &str) -> Vec<Object> {
    let fleet = Fleet::parse(text, "fleet.toml", Format::Toml).expect("a fleet");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster/tests/upstream/samba-operator");
    let mut upstream = Upstream::default();
    for path in Catalogue::built_in().and_then(|all| all.source("samba-operator")).expect("a pin").files.keys() {
        upstream.add("samba-operator", path, std::fs::read_to_string(dir.join(path)).expect("its files"));
    }
    cluster::render(&fleet, &upstream).expect("manifests").into_iter().flat_map(|manifest| manifest.objects).collect()
}

/// The shares and Services of a fleet, each Service with an address as the balancer gives it, and what is said of them.
fn said(text: &str) -> (Vec<Balancer>, Vec<Share>, Wanted) {
    let (mut services, mut shares) = (Vec::new(), Vec::new());
    for object in objects(text) {
        let mut value = object.value().clone();
        match value["kind"].as_str() {
            Some("SmbShare") => {
                shares.push(Share::of(&serde_json::from_value::<SmbShare>(value).expect("a share")));
            }
            Some("Service") if value["metadata"]["labels"]["app.kubernetes.io/name"] == "samba" => {
                let address = format!("192.168.1.{}", 200 + services.len());
                value["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": address }] } });
                services.push(Balancer::of(&serde_json::from_value::<Service>(value).expect("a Service")));
            }
            _ => {}
        }
    }
    let wanted = wanted(&services, &shares, &NamePattern::default());
    (services, shares, wanted)
}

fn announcement<'a>(wanted: &'a Wanted, host: &str) -> &'a Announcement {
    let found = wanted.announcements.values().find(|announcement| announcement.host == host);
    found.unwrap_or_else(|| panic!("{host} is not among {wanted:#?}"))
}

#[test]
fn defect_25_the_kind_is_guessed_from_the_name() {
    // The other way round: plain storage that is called like backups, and backups that are not.
    let text =
        EXAMPLE.replace("[shares.timemachine]", "[shares.macs]").replace("[shares.storage]", "[shares.timemachine]");
    let (_, _, wanted) = said(&text);
    assert_eq!(announcement(&wanted, "macs-samba.local").kind, Kind::TimeMachine);
    assert_eq!(announcement(&wanted, "timemachine-samba.local").kind, Kind::Storage);
}

#[test]
fn defect_26_the_services_name_is_advertised_for_the_shares() {
    let (services, mut shares, _) = said(EXAMPLE);
    // A share that clients know by another name than its Service has.
    let share = shares.iter_mut().find(|share| share.kind == Kind::TimeMachine).expect("a share for Time Machine");
    share.name = "Backups of Macs".to_owned();
    let wanted = wanted(&services, &shares, &NamePattern::default());
    let announcement = announcement(&wanted, "timemachine-samba.local");
    let words: Vec<String> = announcement.records().into_iter().flat_map(|record| record.words).collect();
    assert!(words.contains(&"dk0=adVN=Backups of Macs,adVF=0x82".to_owned()), "{words:?}");
}

#[test]
fn defect_27_the_record_of_disks_has_no_port() {
    let (_, shares, wanted) = said(EXAMPLE);
    assert_eq!((shares.len(), wanted.announcements.len(), wanted.refused.len()), (2, 2, 0), "{wanted:#?}");
    let records = announcement(&wanted, "timemachine-samba.local").records();
    let ports: Vec<(&str, u16)> = records.iter().map(|record| (record.service, record.port)).collect();
    assert_eq!(ports, [("_smb._tcp", 445), ("_adisk._tcp", 9), ("_device-info._tcp", 0)]);
    let records = announcement(&wanted, "storage-samba.local").records();
    assert_eq!(records.len(), 1, "plain storage is no disk for backups");
}
