//! The manifests of the examples, as people read them.

mod common;

#[test]
fn manifests_of_the_examples() {
    for (name, text) in common::EXAMPLES {
        for manifest in common::rendered(text) {
            let file = manifest.file_name();
            insta::with_settings!({ snapshot_path => format!("snapshots/{name}"), prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(file, manifest.text().unwrap());
            });
        }
    }
}

#[test]
fn every_kind_is_known() {
    for (name, text) in common::EXAMPLES {
        for object in common::objects(text) {
            let key = object.key();
            let known = cluster::kinds::KINDS.contains(&(key.api_version.as_str(), key.kind.as_str()));
            assert!(known, "{name}: {key} of {} is of a kind that would not be found again", key.api_version);
        }
    }
}

#[test]
fn a_fleet_without_a_cluster_has_no_objects() {
    let (_, nas) = common::EXAMPLES[0];
    let alone = nas.split("[shares.timemachine]").next().unwrap().replace("role = \"k3s-server\"\n", "");
    assert_eq!(common::rendered(&alone), []);
}
