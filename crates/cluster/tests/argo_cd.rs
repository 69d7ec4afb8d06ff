//! The example of an add-on: its objects fit their kinds, and stay out of homehive's way.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads the example")]

mod common;

use cluster::Object;
use serde_json::Value;
use std::path::Path;

fn objects(file: &str) -> Vec<Object> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/argo-cd").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let values = serde_saphyr::from_multiple::<Value>(&text).unwrap();
    values.into_iter().filter(|value| !value.is_null()).map(|value| Object::from_value(value).unwrap()).collect()
}

#[test]
fn the_example_fits_its_kinds() {
    for (file, wanted) in [("argo-cd.yaml", 2), ("apps.yaml", 2)] {
        let objects = objects(file);
        assert_eq!(objects.len(), wanted, "{file}");
        for object in objects {
            common::schemas::check(&object).unwrap_or_else(|reason| panic!("{file}: {reason}"));
        }
    }
}

#[test]
fn it_touches_nothing_of_homehives() {
    let ours: Vec<_> = common::EXAMPLES.iter().flat_map(|(_, text)| common::objects(text)).map(|it| it.key()).collect();
    for object in ["argo-cd.yaml", "apps.yaml"].into_iter().flat_map(objects) {
        assert!(!ours.contains(&object.key()), "{}", object.key());
    }
    let project = objects("apps.yaml").into_iter().find(|it| it.key().kind == "AppProject").unwrap();
    let allowed = project.value().pointer("/spec/destinations/0/namespace").and_then(Value::as_str).unwrap();
    let prefix = allowed.strip_suffix('*').unwrap();
    let namespaces = ours.iter().filter(|key| key.kind == "Namespace");
    assert!(!prefix.is_empty() && namespaces.into_iter().all(|key| !key.name.starts_with(prefix)), "{allowed}");
}
