//! The examples, for tests.

use fleet::{Fleet, Format};
use nixos::Records;
use std::path::Path;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO";

/// A fleet of `examples/`; none if it is not there.
pub fn example(name: &str) -> Option<Fleet> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name).join("fleet.toml");
    #[expect(clippy::disallowed_methods, reason = "a test reads the example")]
    let mut text = std::fs::read_to_string(path).ok()?;
    if !text.contains("device = \"/dev/disk") {
        let serial = "serial = \"4C530001230415117295\"\n";
        let device = "device = \"/dev/disk/by-id/usb-SanDisk_Ultra_4C530001230415117295-0:0\"\n";
        text = text.replace(serial, &format!("{serial}{device}"));
    }
    Some(Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap())
}

/// What is known beside it.
pub fn records(fleet: &Fleet) -> Records {
    Records {
        state_versions: std::iter::once(("nas".parse().unwrap(), "25.11".to_owned())).collect(),
        host_keys: fleet.machines.keys().map(|name| (name.clone(), KEY.to_owned())).collect(),
        installer_key: Some(KEY.to_owned()),
        secrets: ["k3s-token.age".to_owned()].into(),
    }
}
