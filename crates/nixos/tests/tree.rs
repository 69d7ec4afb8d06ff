//! The tree of the example, as people read it; and what holds for every rendered file.

#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

use fleet::HostName;
use nixos::{File, Records};
use std::collections::BTreeSet;

mod common;

use common::{EXAMPLES, example, records};

fn rendered(name: &str) -> Vec<File> {
    let fleet = example(name);
    nixos::render(&fleet, &records(&fleet)).unwrap()
}

fn is_nix(file: &File) -> bool {
    file.path.rsplit_once('.').is_some_and(|(_, ending)| ending == "nix")
}

#[test]
fn the_trees_of_the_examples() {
    let nas = rendered("nas");
    for fleet in EXAMPLES {
        for file in rendered(fleet) {
            // What is the same as the first one's is shown there.
            // Scripts stand in the sources as they are.
            if is_nix(&file) && (fleet == "nas" || !nas.contains(&file)) {
                let name = format!("{fleet}-{}", file.path.replace('/', "-"));
                insta::assert_snapshot!(name, file.text);
            }
        }
    }
}

#[test]
fn every_file_parses_and_is_formatted() {
    for file in EXAMPLES.into_iter().flat_map(rendered).filter(is_nix) {
        let errors = rnix::Root::parse(&file.text).errors().to_vec();
        assert!(errors.is_empty(), "{}: {errors:?}", file.path);
        assert_eq!(nixfmt_rs::format(&file.text).unwrap(), file.text, "{} is not stable", file.path);
    }
}

#[test]
fn the_same_fleet_gives_the_same_bytes() {
    assert_eq!(rendered("nas"), rendered("nas"));
    let paths: Vec<String> = rendered("nas").into_iter().map(|file| file.path).collect();
    let unique: BTreeSet<&String> = paths.iter().collect();
    assert_eq!(unique.len(), paths.len(), "no path twice: {paths:?}");
}

/// Where the machine joins the cluster, or that it begins it.
fn joins(fleet: &fleet::Fleet, installed: &[&str], machine: &str) -> String {
    let mut records = records(fleet);
    records.state_versions = installed.iter().map(|name| (name.parse().unwrap(), "26.05".to_owned())).collect();
    let files = nixos::render(fleet, &records).unwrap();
    let services = files.iter().find(|file| file.path == format!("hosts/{machine}/services.nix")).unwrap();
    let line = services.text.lines().find(|line| line.contains("serverAddr") || line.contains("clusterInit"));
    line.unwrap_or("alone").trim().to_owned()
}

#[test]
fn an_empty_server_begins_no_second_cluster() {
    let fleet = example("cluster");
    let mut larger = fleet.clone();
    larger.machines.insert("alpha".parse().unwrap(), fleet.machines[&"hive1".parse::<HostName>().unwrap()].clone());
    let begins = "clusterInit = true;";
    let at = |last: u8| format!("serverAddr = \"https://192.168.1.{last}:6443\";");
    for (case, fleet, installed, machine, wanted) in [
        ("nobody is installed", &fleet, &[][..], "hive1", begins.to_owned()),
        ("the second one", &fleet, &["hive1"], "hive2", at(11)),
        ("the first one again, alone", &fleet, &["hive1"], "hive1", begins.to_owned()),
        ("another one came first", &fleet, &["hive2"], "hive1", at(12)),
        ("the first one again, beside others", &fleet, &["hive1", "hive2", "hive3"], "hive1", at(12)),
        ("one that sorts before all", &larger, &["hive1", "hive2", "hive3"], "alpha", at(11)),
        ("and its friends", &larger, &["hive1", "hive2", "hive3"], "hive3", at(11)),
        ("an agent", &larger, &["hive2"], "worker", at(12)),
    ] {
        assert_eq!(joins(fleet, installed, machine), wanted, "{case}");
    }
}

#[test]
fn shares_are_called_as_the_fleet_says() {
    let mut fleet = example("nas");
    fleet.network.share_names = "smb-{share}".parse().unwrap();
    let files = nixos::render(&fleet, &records(&fleet)).unwrap();
    let publisher = files.iter().find(|file| file.path == "modules/publisher.nix").unwrap();
    assert!(publisher.text.contains("share-names = \"smb-{share}\";"), "{}", publisher.text);
    assert!(publisher.text.contains("environment.HOMEHIVE_SHARE_HOST_NAME = share-names;"), "{}", publisher.text);
}

/// Else the list would stay as it was, with whoever was taken out of it.
#[test]
fn a_user_without_a_password_keeps_nobody_else_in_the_list() {
    let mut fleet = example("nas");
    let share = fleet.shares.get_mut(&"storage".parse().unwrap()).unwrap();
    share.users = vec!["ben".parse().unwrap(), "eva".parse().unwrap()];
    let files = nixos::render(&fleet, &records(&fleet)).unwrap();
    let module = files.iter().find(|file| file.path == "modules/cluster-secrets.nix").unwrap();
    let begin = module.text.find("name = \"share-users-storage\";").unwrap();
    let entry = &module.text[begin..begin + module.text[begin..].find("namespace = ").unwrap()];
    assert!(entry.contains("missing = [ \"samba-eva\" ];"), "{entry}");
    assert!(entry.contains("uid = 284803;") && entry.contains("config.age.secrets.samba-ben.path"), "{entry}");
    assert!(!entry.contains("eva ="), "{entry}");
    assert!(!module.text.contains("secrets.samba-eva"), "nothing refers to a file that is not there");
}

#[test]
fn a_name_of_the_medium_is_refused() {
    let mut fleet = example("nas");
    let machine = fleet.machines.values().next().unwrap().clone();
    let name: HostName = "installer-nas".parse().unwrap();
    fleet.machines.insert(name, machine);
    let error = nixos::render(&fleet, &Records::default()).unwrap_err().to_string();
    assert!(error.contains("machine `installer-nas`"), "{error}");
}

#[test]
fn a_boot_disk_without_a_path_is_refused() {
    let mut fleet = example("nas");
    let nas = fleet.machines.values_mut().next().unwrap();
    nas.storage.disk.values_mut().for_each(|disk| disk.device = None);
    let error = nixos::render(&fleet, &Records::default()).unwrap_err().to_string();
    assert!(error.contains("machine `nas` boots from `disk.usb`"), "{error}");
}
