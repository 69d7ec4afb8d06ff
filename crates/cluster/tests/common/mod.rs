//! Fleets to render.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads its fixtures")]
#![allow(dead_code, reason = "some tests need all of it, some a part")]

pub mod schemas;

use cluster::{Catalogue, Manifest, Object, Upstream};
use fleet::{Fleet, Format};
use std::path::Path;

/// The examples: name, and fleet file.
pub const EXAMPLES: [(&str, &str); 2] = [
    ("nas", include_str!("../../../../examples/nas/fleet.toml")),
    ("cluster", include_str!("../../../../examples/cluster/fleet.toml")),
];

/// A fleet file that `check` finds right.
pub fn fleet(text: &str) -> Fleet {
    Fleet::parse(text, "fleet.toml", Format::Toml).unwrap_or_else(|report| panic!("{report:?}"))
}

/// What is handed in of other projects: a stand-in of the same shape, made by hand.
pub fn upstream() -> Upstream {
    checkout(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstream/samba-operator"))
}

/// The files of the Samba operator in a directory.
pub fn checkout(dir: &Path) -> Upstream {
    let mut upstream = Upstream::default();
    for path in Catalogue::built_in().unwrap().source("samba-operator").unwrap().files.keys() {
        let text = std::fs::read_to_string(dir.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        upstream.add("samba-operator", path, text);
    }
    upstream
}

/// The manifests of a fleet.
pub fn rendered(text: &str) -> Vec<Manifest> {
    cluster::render(&fleet(text), &upstream()).unwrap()
}

/// All objects of a fleet.
pub fn objects(text: &str) -> Vec<Object> {
    rendered(text).into_iter().flat_map(|manifest| manifest.objects).collect()
}
