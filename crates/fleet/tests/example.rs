//! The example is the scaffold with every fact filled in, and nothing is wrong with it.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads and writes its fixtures")]

use fleet::scaffold::{Cluster, Nas, cluster, nas};
use fleet::{Fleet, Format};

const EXAMPLE: &str = include_str!("../../../examples/nas/fleet.toml");
const CLUSTER: &str = include_str!("../../../examples/cluster/fleet.toml");

fn note(kind: &str) -> String {
    format!(
        "This is an example: the key opens nothing, since nobody has its private half, and the disks are made up. \
         `homehive\ninit {kind}` writes the same file for disks and a key of yours."
    )
}

fn known() -> Nas {
    let serial = |text: &str| Some(text.to_owned());
    Nas {
        fleet: Some("home".parse().unwrap()),
        user: Some("ben".parse().unwrap()),
        keys: vec![
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO ben@laptop"
                .parse()
                .unwrap(),
        ],
        timezone: Some("Europe/London".parse().unwrap()),
        usb: serial("4C530001230415117295"),
        device: serial("/dev/disk/by-id/usb-SanDisk_Ultra_4C530001230415117295-0:0"),
        nvme: serial("S4EWNX0R512347K"),
        sata: [
            "WD-WX11D34A7K2P",
            "WD-WX11D34A7N8C",
            "WD-WX11D34A7R0F",
            "WD-WX21D85H4T6L",
            "WD-WX21D85H4V1M",
            "WD-WX21D85H4Y9E",
        ]
        .map(serial),
        mail: Some(fleet::Mail {
            to: "ben@home.arpa".parse().unwrap(),
            from: "nas@home.arpa".parse().unwrap(),
            smarthost: "mail.home.arpa:587".parse().unwrap(),
            user: Some("nas".to_owned()),
        }),
        note: Some(note("nas")),
    }
}

fn known_cluster() -> Cluster {
    let serial = |text: &str| Some(text.to_owned());
    Cluster {
        nas: Nas { note: Some(note("cluster")), ..known() },
        nodes: ["S64GNX0T401233A", "S64GNX0T401287F", "S64GNX0T402519K", "S64GNX0T402604C"].map(serial),
    }
}

fn in_step(name: &str, text: &str, stands: &str) {
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(format!("{}/../../examples/{name}/fleet.toml", env!("CARGO_MANIFEST_DIR")), text).unwrap();
    } else {
        assert!(text == stands, "{name} is out of step: UPDATE_EXAMPLES=1 cargo nextest run -p fleet example");
    }
}

#[test]
fn the_examples_are_the_scaffolds_filled_in() {
    in_step("nas", &nas(&known()), EXAMPLE);
    in_step("cluster", &cluster(&known_cluster()), CLUSTER);
}

#[test]
fn nothing_is_wrong_with_the_examples() {
    for example in [EXAMPLE, CLUSTER] {
        let fleet = Fleet::parse(example, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
        let nas = "nas".parse().unwrap();
        let wish = fleet.wish(&nas).unwrap();
        assert_eq!(fleet.machines[&nas].loader(&wish), Some(fleet::Loader::Bios(vec!["disk.usb".into()])));
    }
}

#[test]
fn the_cluster_has_what_it_promises() {
    let fleet = Fleet::parse(CLUSTER, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
    let roles: Vec<_> = fleet.machines.iter().map(|(name, it)| format!("{name} {}", it.role.word())).collect();
    let wanted = ["hive1 k3s-server", "hive2 k3s-server", "hive3 k3s-server", "nas k3s-agent", "worker k3s-agent"];
    assert_eq!(roles, wanted);
    for name in ["hive1", "hive2", "hive3", "worker"] {
        let name = name.parse().unwrap();
        let loader = fleet.machines[&name].loader(&fleet.wish(&name).unwrap());
        assert_eq!(loader, Some(fleet::Loader::Efi("disk.nvme.boot".into())));
    }
    let order = fleet.select(&fleet.deploy.order).unwrap();
    assert_eq!(order.iter().map(ToString::to_string).collect::<Vec<_>>(), ["worker", "nas"]);
}

#[test]
fn a_scaffold_lacks_exactly_what_only_the_user_knows() {
    let mut own = Vec::new();
    for disk in ["usb", "nvme", "sata1", "sata2", "sata3", "sata4", "sata5", "sata6"] {
        if disk == "usb" {
            own.push("machines.nas.storage.disk.usb.device".to_owned());
        }
        own.push(format!("machines.nas.storage.disk.{disk}.serial"));
    }
    let nodes = ["hive1", "hive2", "hive3", "worker"].map(|it| format!("machines.{it}.storage.disk.nvme.serial"));
    let keys = || vec!["admin.keys.0".to_owned()];
    for (text, wanted) in [
        (nas(&Nas::default()), [keys(), own.clone()].concat()),
        (cluster(&Cluster::default()), [keys(), nodes.to_vec(), own].concat()),
    ] {
        let report = Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap_err();
        let findings = report.findings();
        let marked: Vec<_> = findings.iter().map(|finding| (finding.code.as_str(), finding.path.as_str())).collect();
        assert_eq!(marked, wanted.iter().map(|path| ("fleet::placeholder", path.as_str())).collect::<Vec<_>>());
        for finding in &findings {
            let line = text.lines().nth(finding.line - 1).unwrap();
            assert!(line.contains("REPLACE-WITH-"), "line {} is marked: {line}", finding.line);
        }
    }
}

#[test]
fn what_is_put_into_a_scaffold_stays_what_it_is() {
    let key = r#"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO "a" \ @usb@ # é"#;
    let given = Nas { keys: vec![key.parse().unwrap()], ..known() };
    let fleet = Fleet::parse(&nas(&given), "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
    assert_eq!(fleet.admin.keys, given.keys);
}
