//! Every object of the examples as an API server would see it.

mod common;

use cluster::Object;
use common::schemas;
use serde_json::json;

#[test]
fn every_object_fits_its_kind() {
    for (name, text) in common::EXAMPLES {
        let objects = common::objects(text);
        assert!(objects.len() > 10, "{name} has {}", objects.len());
        let wrong: Vec<String> = objects.iter().filter_map(|object| schemas::check(object).err()).collect();
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    }
}

/// A test that finds nothing wrong must be able to find something.
#[test]
fn a_field_that_there_is_not_is_found() {
    let mut rows = vec![
        ("misspelt", "Service", "/spec/portz", json!([]), "/spec/portz is unknown"),
        ("number as text", "Deployment", "/spec/replicas", json!("1"), "invalid type"),
    ];
    if schemas::folder().is_some() {
        rows.extend([
            ("misspelt", "HelmChart", "/spec/failurPolicy", json!("abort"), "failurPolicy"),
            ("no word", "HelmChart", "/spec/failurePolicy", json!("give-up"), "give-up"),
            ("deep", "SmbShare", "/spec/storage/pvc/nam", json!("x"), "nam"),
            ("kind", "IPAddressPool", "/spec/addresses", json!("192.168.1.0/24"), "array"),
        ]);
    }
    let objects = common::objects(common::EXAMPLES[0].1);
    for (case, kind, at, value, wanted) in rows {
        let found = objects.iter().find(|it| it.key().kind == kind).unwrap();
        let mut whole = found.value().clone();
        let (parent, key) = at.rsplit_once('/').unwrap();
        whole.pointer_mut(parent).unwrap()[key] = value;
        let error = schemas::check(&Object::from_value(whole).unwrap()).expect_err(case);
        assert!(error.contains(wanted), "{case}: {error}");
    }
}

/// Two objects of one name would be one; two files of one name one add-on of k3s.
#[test]
fn names_are_one_of_a_kind() {
    for (name, text) in common::EXAMPLES {
        let mut keys: Vec<_> = common::objects(text).iter().map(Object::key).collect();
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all, "{name}");
        let mut files: Vec<_> = common::rendered(text).iter().map(cluster::Manifest::file_name).collect();
        assert!(files.is_sorted(), "{files:?}");
        let good = |file: &str| {
            let stem = file.strip_suffix(".yaml").unwrap();
            stem.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        assert!(files.iter().all(|file| good(file)), "{files:?}");
        let all = files.len();
        files.dedup();
        assert_eq!(files.len(), all, "{name}");
        let managed = |object: &Object| {
            object.value().pointer("/metadata/labels/app.kubernetes.io~1managed-by") == Some(&json!("homehive"))
        };
        let stray: Vec<_> = common::objects(text).iter().filter(|it| !managed(it)).map(Object::key).collect();
        assert_eq!(stray, [], "{name}: not labelled as homehive's");
    }
}
