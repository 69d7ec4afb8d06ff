//! Every layout of `examples/layouts`: nothing is wrong with it, it can be made on blank disks, and NixOS is told of it.

#![expect(clippy::disallowed_methods, reason = "a test, which reads the examples")]

use fleet::{Fleet, Format};
use std::fmt::Write as _;
use std::path::Path;
use storage::ScriptError;

#[test]
fn every_layout_is_planned_and_rendered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/layouts");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() > 2, "{names:?}");
    for name in names {
        let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let fleet = Fleet::parse(&text, &format!("{name}.toml"), Format::Toml).unwrap_or_else(|wrong| {
            panic!("{name}: {wrong:?}");
        });
        let files = nixos::render(&fleet, &nixos::Records::default()).unwrap();
        let mut seen = String::new();
        for machine in fleet.machines.keys() {
            let wish = fleet.wish(machine).unwrap();
            match storage::script(&wish, &[]) {
                Ok(script) => {
                    for step in script.lines().filter_map(|line| line.strip_prefix("say '[")) {
                        let _ = writeln!(seen, "{}", step.split_once("] ").unwrap().1.trim_end_matches('\''));
                    }
                }
                // What takes what a group has left is known when the group is there; the lab makes it.
                Err(unseen @ ScriptError::Unseen { .. }) => drop(writeln!(seen, "{unseen}")),
                Err(other) => panic!("{name}: {other}"),
            }
            let path = format!("hosts/{machine}/hardware-configuration.nix");
            let file = files.iter().find(|file| file.path == path).unwrap();
            let _ = writeln!(seen, "\n{}", file.text.split_once("boot.initrd.availableKernelModules").unwrap().1);
        }
        insta::assert_snapshot!(name, seen);
    }
}
