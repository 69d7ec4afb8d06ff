//! Shares: what smb.conf(5) makes of their options, and the operator as its release really is.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test, which runs programs"
)]

mod common;

use cluster::Object;
use cluster::samba::{GLOBALS, options};
use fleet::ShareKind;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// What testparm says of a configuration, on standard error.
fn testparm(text: &str) -> Option<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    match Command::new("testparm").arg("-s").arg(file.path()).env("LC_ALL", "C").output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: testparm (samba-common-bin) is missing");
            None
        }
        Err(error) => panic!("testparm: {error}"),
    }
}

/// The options that one smb.conf has once the operator has put them together.
fn smb_conf(fleet: &fleet::Fleet) -> String {
    let mut text = "[global]\n".to_owned();
    for (key, value) in GLOBALS {
        writeln!(text, "{key} = {value}").unwrap();
    }
    for (name, share) in &fleet.shares {
        writeln!(text, "[{name}]\npath = /mnt/{name}\nread only = no\nbrowseable = yes").unwrap();
        for (key, value) in options(share) {
            writeln!(text, "{key} = {value}").unwrap();
        }
    }
    text
}

#[test]
fn samba_knows_every_option() {
    let fleet = common::fleet(common::EXAMPLES[0].1);
    let conf = smb_conf(&fleet);
    let Some(said) = testparm(&conf) else { return };
    let complaints: Vec<&str> = said
        .lines()
        .filter(|line| {
            let line = line.to_lowercase();
            ["unknown", "ignoring", "error", "warning", "deprecated", "illegal", "invalid"]
                .iter()
                .any(|word| line.contains(word))
        })
        .collect();
    assert!(said.contains("Loaded services file OK"), "{said}");
    assert_eq!(complaints, Vec::<&str>::new(), "{said}\n{conf}");
    // And this is what it says of an option that there is not.
    let broken = testparm(&conf.replace("force create mode", "force creat mode")).unwrap();
    assert!(broken.contains("Unknown parameter"), "{broken}");
}

#[test]
fn macs_find_time_machine_and_files_in_their_shares_alone() {
    let objects = common::objects(common::EXAMPLES[0].1);
    let config = |name: &str| {
        let share = objects.iter().find(|it| it.key().kind == "SmbShare" && it.key().name == name).unwrap();
        share.value().pointer("/spec/customShareConfig/configs").unwrap().clone()
    };
    let (backups, files) = (config("timemachine"), config("storage"));
    assert_eq!(backups["fruit:time machine"], "yes");
    assert_eq!(backups["fruit:time machine max size"], "2T");
    // What a share was before stays in its server's configuration until something else is said.
    assert_eq!(files["fruit:time machine"], "no");
    assert_eq!(files["fruit:time machine max size"], "0");
    for options in [&backups, &files] {
        assert!(options["vfs objects"].as_str().unwrap().split(' ').any(|it| it == "fileid"), "the operator's own");
    }
    let common = objects.iter().find(|it| it.key().kind == "SmbCommonConfig").unwrap();
    assert_eq!(common.value().pointer("/spec/customGlobalConfig"), None, "nothing hits all shares");
}

fn container<'a>(deployment: &'a Object, name: &str) -> &'a Value {
    let all = deployment.value().pointer("/spec/template/spec/containers").unwrap().as_array().unwrap();
    all.iter().find(|it| it["name"] == name).unwrap()
}

/// The operator adds and changes options and takes none away, so that all kinds of shares must say the same ones.
#[test]
fn a_share_that_becomes_another_kind_keeps_nothing_of_the_old_one() {
    let fleet = common::fleet(common::EXAMPLES[0].1);
    let mut share = fleet.shares.values().find(|share| share.kind == ShareKind::TimeMachine).unwrap().clone();
    let mut held = options(&share);
    share.kind = ShareKind::Storage;
    let wanted = options(&share);
    held.extend(wanted.clone());
    assert_eq!(held, wanted);
    share.kind = ShareKind::TimeMachine;
    held.extend(options(&share));
    assert_eq!(held, options(&share));
}

/// With these two it asks the API server for its pod at every scrape, which the policies do not let through.
#[test]
fn the_exporter_asks_the_api_server_nothing() {
    for (_, text) in common::EXAMPLES {
        for server in common::objects(text).iter().filter(|it| it.key().kind == "Deployment") {
            if server.value().pointer("/metadata/labels/app.kubernetes.io~1component") != Some(&json!("smbd")) {
                continue;
            }
            let said = container(server, "samba-metrics")["env"].to_string();
            assert!(!said.contains("POD_NAME"), "{}: {said}", server.key());
            assert!(container(server, "samba")["env"].to_string().contains("SAMBA_POD_NAME"), "the search finds it");
        }
    }
}

/// The release itself, where a checkout of it is at hand.
#[test]
fn the_operator_is_assembled_from_its_release() {
    let Some(dir) = std::env::var_os("HOMEHIVE_UPSTREAM") else {
        println!("skipped: HOMEHIVE_UPSTREAM names no directory with a checkout `samba-operator`");
        return;
    };
    let upstream = common::checkout(&Path::new(&dir).join("samba-operator"));
    let manifests = cluster::render(&common::fleet(common::EXAMPLES[0].1), &upstream).unwrap();
    let file = |name: &str| manifests.iter().find(|it| it.name == name).unwrap();
    let kinds: Vec<String> = file("samba-operator").objects.iter().map(|it| it.key().to_string()).collect();
    assert_eq!(
        kinds,
        [
            "ConfigMap samba-operator-system/samba-operator-controller-cfg",
            "Role samba-operator-system/samba-operator-leader-election-role",
            "RoleBinding samba-operator-system/samba-operator-leader-election-rolebinding",
            "ClusterRole samba-operator-manager-role",
            "ClusterRoleBinding samba-operator-manager-rolebinding",
            "Deployment samba-operator-system/samba-operator-controller-manager",
        ]
    );
    let deployment = file("samba-operator").objects.last().unwrap();
    let manager = container(deployment, "manager");
    assert_eq!(manager["image"], "quay.io/samba.org/samba-operator:v0.8");
    assert_eq!(manager["envFrom"], json!([{ "configMapRef": { "name": "samba-operator-controller-cfg" } }]));
    let definitions: Vec<_> = manifests.iter().filter(|it| it.name.starts_with("kind-")).collect();
    assert_eq!(definitions.len(), 3, "{definitions:?}");
    for object in definitions.iter().chain([&file("samba-operator")]).flat_map(|file| &file.objects) {
        common::schemas::check(object).unwrap();
    }
}

#[test]
fn an_operator_of_another_shape_is_refused() {
    let fleet = common::fleet(common::EXAMPLES[0].1);
    let path = "config/manager/manager.yaml";
    let text = common::upstream().text("samba-operator", path).unwrap().to_owned();
    for (case, from, to, wanted) in [
        ("renamed container", "name: manager\n", "name: operator\n", "no container `manager`"),
        ("no environment", "          env:\n", "          environment:\n", "no env of `manager`"),
        ("no map", "configMapRef", "secretRef", "no configMapRef"),
        ("no YAML", "replicas: 1", "replicas: [", "no YAML"),
    ] {
        let mut upstream = common::upstream();
        assert!(text.contains(from), "{case}");
        upstream.add("samba-operator", path, text.replace(from, to));
        let error = cluster::render(&fleet, &upstream).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains(path), "{case}: {error}");
    }
    let error = cluster::render(&fleet, &cluster::Upstream::default()).unwrap_err().to_string();
    assert!(error.contains("was not handed in"), "{error}");
}
