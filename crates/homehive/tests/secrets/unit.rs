//! The unit that makes the cluster's Secrets: whom it holds up, and what it does for a fleet that has no Secrets any more.

use crate::home::{Home, has};
use crate::machine::{Server, home, made, script, table_of, told};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A cluster whose fleet has no Secrets any more.
fn without_any() -> Home {
    let home = Home::new("nas", &["owner"]);
    home.edit(|text| {
        let mut keeps = true;
        let line = |line: &str| {
            if line.starts_with('[') {
                keeps = !line.starts_with("[monitoring") && !line.starts_with("[shares");
            }
            if keeps { format!("{line}\n") } else { String::new() }
        };
        text.lines().map(line).collect()
    });
    home.told(&["secrets", "init"], "", 0);
    home.told(&["render"], "", 0);
    home
}

/// The last Secrets go as well, and nothing that was not made here.
#[test]
fn a_fleet_without_secrets_takes_those_away_that_it_had() {
    let (before, after) = (home(), without_any());
    let Some(server) = Server::new(&before) else { return };
    let output = server.command(&script(&before), 60, true).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    // Others': one that somebody made, one that another part of homehive's made, one that only looks alike.
    let kubectl = |words: &[&str]| {
        let mut kubectl = Command::new("kubectl");
        kubectl.arg(format!("--kubeconfig={}", server.api.kubeconfig().display())).args(words);
        assert!(kubectl.status().unwrap().success(), "{words:?}");
    };
    for (name, label) in [
        ("somebodys", "made-by=hand"),
        ("of-an-addon", "app.kubernetes.io/managed-by=homehive"),
        ("looks-alike", "app.kubernetes.io/part-of=homehive-secrets"),
    ] {
        kubectl(&["--namespace=samba", "create", "secret", "generic", name]);
        kubectl(&["--namespace=samba", "label", "secret", name, label]);
    }
    fs::write(&server.table, table_of(&after, &server.path("opened"))).unwrap();
    assert_eq!(fs::read_to_string(&server.table).unwrap(), "[]");
    let output = server.command(&script(&after), 60, true).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    for (namespace, name) in
        [("monitoring", "grafana-admin"), ("monitoring", "alertmanager-mail"), ("samba", "share-users-storage")]
    {
        assert!(server.secret(namespace, name).is_none(), "{namespace}/{name} is still there");
    }
    for name in ["somebodys", "of-an-addon", "looks-alike"] {
        assert!(server.secret("samba", name).is_some(), "{name} is gone");
    }
}

#[test]
fn a_fleet_without_secrets_keeps_the_unit_that_takes_them_away() {
    let home = without_any();
    assert!(home.read("fleet/modules/k3s-server.nix").contains("./cluster-secrets.nix"));
    if has("nix-instantiate") {
        assert_eq!(table_of(&home, Path::new("/run/agenix")), "[]");
    }
}

/// Whoever starts the unit, an activation above all, goes on at once; it starts nothing itself, tries again, and has failed
/// for all to see in the end.
#[test]
fn the_unit_holds_nobody_up() {
    if !has("nix-instantiate") {
        return;
    }
    for home in [home(), without_any()] {
        let unit = made(&home, Path::new("/run/agenix"), "removeAttrs unit [ \"path\" ]");
        let service = &unit["serviceConfig"];
        // systemd.service(5): a start of `oneshot`, `notify`, `forking` or `dbus` waits for what the program does.
        assert_eq!(service["Type"], "exec");
        for order in ["wants", "requires", "bindsTo", "after", "before", "requisite", "partOf"] {
            let units = unit[order].as_array().cloned().unwrap_or_default();
            assert!(!units.iter().any(|unit| unit == "k3s.service"), "{order}: a k3s that is stopped stays so");
        }
        let begun_by = unit["wantedBy"].as_array().unwrap();
        assert!(["multi-user.target", "k3s.service"].iter().all(|by| begun_by.iter().any(|it| it == by)), "{unit}");
        assert_eq!((&service["Restart"], &service["RemainAfterExit"]), (&"on-failure".into(), &true.into()));
        let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} is no number: {unit}"));
        let seconds = |key: &str| number(&service[key]);
        let waits: u64 = unit["environment"]["DEADLINE"].as_str().unwrap().parse().unwrap();
        assert!(seconds("RestartSec") > 0 && waits < seconds("RuntimeMaxSec"), "{unit}");
        // However long each try takes, the last one is within the interval: systemd gives up, and the unit has failed.
        let (tries, a_try) = (number(&unit["startLimitBurst"]), seconds("RuntimeMaxSec") + seconds("TimeoutStopSec"));
        assert!(tries * (a_try + seconds("RestartSec")) < number(&unit["startLimitIntervalSec"]), "{unit}");
    }
}
