//! The repository as a flake: its functions do what they say, by the assertions of `nix/tests.nix`.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Asks the assertions with these arguments; how many were asked, and which do not hold.
fn ask(arguments: &[(&str, &str)]) -> (u64, Vec<String>) {
    let store = tempfile::tempdir().unwrap();
    let mut command = Command::new("nix-instantiate");
    command.args(["--eval", "--strict", "--json", "--readonly-mode"]).arg(repository().join("nix/tests.nix"));
    for (name, value) in arguments {
        command.args(["--argstr", name, value]);
    }
    // A store of the test's own, unless the trees lie in the machine's.
    if arguments.iter().all(|(_, value)| value.is_empty()) {
        command.env("NIX_REMOTE", format!("local?root={}", store.path().display()));
    }
    let Output { status, stdout, stderr } = command.env_remove("NIX_PATH").output().unwrap();
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    let answer: serde_json::Value = serde_json::from_slice(&stdout).unwrap();
    let failed = answer["failed"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    (answer["asked"].as_u64().unwrap(), failed.collect())
}

#[test]
fn device_trees_are_merged() {
    if Command::new("nix-instantiate").arg("--version").output().is_err() {
        println!("skipped: nix-instantiate is not on this machine");
        return;
    }
    let (asked, failed) = ask(&[("nixpkgs", "")]);
    assert!(asked >= 9 && failed.is_empty(), "{asked} asked, these do not hold: {failed:?}");
}

#[test]
fn functions_of_the_flake() {
    let variable = |name: &str| {
        let value = std::env::var(name).ok();
        if value.is_none() {
            println!("skipped: {name} is not set");
        }
        value
    };
    let (Some(nixpkgs), Some(agenix)) = (variable("HOMEHIVE_NIXPKGS"), variable("HOMEHIVE_AGENIX")) else { return };
    let version = Command::new("nix-instantiate").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let numbers: Vec<u32> =
        version.rsplit(' ').next().unwrap_or_default().split('.').map_while(|it| it.parse().ok()).collect();
    if numbers < vec![2, 18] {
        println!("skipped: nix 2.18 or later is not on this machine");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(repository().join("examples/nas/fleet.toml"), dir.path().join("fleet.toml")).unwrap();
    let mut render = Command::new(env!("CARGO_BIN_EXE_homehive"));
    render.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
    let output =
        render.args(["--plain", "render"]).current_dir(dir.path()).env_remove("HOMEHIVE_FLEET").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rendered = dir.path().to_string_lossy().into_owned();
    let (asked, failed) = ask(&[("nixpkgs", &nixpkgs), ("agenix", &agenix), ("rendered", &rendered)]);
    assert!(asked >= 28 && failed.is_empty(), "{asked} asked, these do not hold: {failed:?}");
    println!("{asked} assertions hold");
}
