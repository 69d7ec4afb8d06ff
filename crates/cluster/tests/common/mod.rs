//! Fleets to render.

use cluster::{Manifest, Upstream};
use fleet::{Fleet, Format};

/// The examples: name, and fleet file.
pub const EXAMPLES: [(&str, &str); 2] = [
    ("nas", include_str!("../../../../examples/nas/fleet.toml")),
    ("cluster", include_str!("../../../../examples/cluster/fleet.toml")),
];

/// A fleet file that `check` finds right.
pub fn fleet(text: &str) -> Fleet {
    Fleet::parse(text, "fleet.toml", Format::Toml).unwrap_or_else(|report| panic!("{report:?}"))
}

/// What is handed in of other projects.
pub fn upstream() -> Upstream {
    Upstream::default()
}

/// The manifests of a fleet.
pub fn rendered(text: &str) -> Vec<Manifest> {
    cluster::render(&fleet(text), &upstream()).unwrap()
}
