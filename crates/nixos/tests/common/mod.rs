//! The examples, for tests.

use fleet::{Fleet, Format};
use nixos::Records;
use std::path::Path;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO";

/// The fleets: the examples, and one of all that they have not.
pub const EXAMPLES: [&str; 3] = ["nas", "cluster", "variety"];

/// One of them.
pub fn example(name: &str) -> Fleet {
    let path = match name {
        "variety" => "tests/common/variety.toml".to_owned(),
        name => format!("../../examples/{name}/fleet.toml"),
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    #[expect(clippy::disallowed_methods, reason = "a test reads the example")]
    let text = std::fs::read_to_string(path).unwrap();
    Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap()
}

/// What is known beside it.
pub fn records(fleet: &Fleet) -> Records {
    Records {
        state_versions: std::iter::once(("nas".parse().unwrap(), "25.11".to_owned())).collect(),
        host_keys: fleet.machines.keys().map(|name| (name.clone(), KEY.to_owned())).collect(),
        installer_key: Some(KEY.to_owned()),
        secrets: ["grafana-password.age", nixos::K3S_TOKEN, nixos::MAIL_PASSWORD, "samba-ben.age"]
            .map(str::to_owned)
            .into(),
        manifests: ["10-namespaces.yaml", "30-metallb.yaml"].map(str::to_owned).into(),
    }
}
