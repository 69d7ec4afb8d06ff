//! `disks import` as a person meets it: Nix files, JSON and flakes in, lines of a fleet file out.
//!
//! With `HOMEHIVE_DISKO` naming a checkout of disko, each of its examples is imported or what is left out is named; with
//! `HOMEHIVE_NIXPKGS` and a Nix that can evaluate it, disko's own evaluation of each gives the very same tree.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Is there a Nix of this version or newer? If not, that is said.
fn nix(program: &str, least: (u32, u32)) -> bool {
    let said = Command::new(program).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8(said).unwrap();
    let mut parts = said.split_ascii_whitespace().last().unwrap_or_default().split('.').map(str::parse);
    let found = match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => (0, 0),
    };
    if found < least {
        eprintln!("skipped: {program} {}.{} or newer is missing", least.0, least.1);
    }
    found >= least
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
        command.current_dir(self.dir.path()).args(["--plain", "disks", "import"]).args(words);
        command.env("HOME", self.dir.path()).env_remove("HOMEHIVE_FLEET").env_remove("HOMEHIVE_NIXPKGS");
        command.output().unwrap()
    }

    /// What a person sees, without the times of the story and the place of the test.
    fn shown(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let plain = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).replace(&*self.dir.path().to_string_lossy(), "DIR");
            let lines: Vec<_> = text.lines().filter(|line| !line.ends_with("is evaluated by Nix")).collect();
            lines.join("\n")
        };
        let status = output.status.code().unwrap();
        format!("exit {status}\n── stdout\n{}\n── stderr\n{}\n", plain(&output.stdout), plain(&output.stderr))
    }
}

const SIMPLE: &str = r#"{ disks ? [ "/dev/disk/by-id/nvme-A" ], lib, pkgs, ... }:
{
  imports = [ ./more.nix ];
  disko.devices.disk = lib.genAttrs [ "main" ] (name: {
    type = "disk";
    device = builtins.head disks;
    content = {
      type = "gpt";
      partitions.ESP = { size = "512M"; type = "EF00"; content = { type = "filesystem"; format = "vfat"; mountpoint = "/boot"; }; };
      partitions.root = { size = "100%"; content = lib.mkDefault { type = "luks"; name = "crypted"; content = { type = "filesystem"; format = "ext4"; mountpoint = "/"; }; }; };
    };
  });
}
"#;

const DATA: &str = r#"{ "disko": { "devices": { "disk": { "data": { "device": "/dev/disk/by-id/ata-B", "destroy": false,
  "content": { "type": "filesystem", "format": "xfs", "mountpoint": "/data" } } } } } }"#;

#[test]
fn a_nix_file_and_json_together() {
    if !nix("nix-instantiate", (2, 3)) {
        return;
    }
    let place = Place::new();
    place.write("main.nix", SIMPLE);
    place.write("data.json", DATA);
    insta::assert_snapshot!(place.shown(&["main.nix", "data.json", "--machine", "nas"]));
}

#[test]
fn json_alone_needs_no_nix() {
    let place = Place::new();
    place.write("data.json", DATA);
    insta::assert_snapshot!(place.shown(&["data.json"]));
    let answer: Value = serde_json::from_slice(&place.run(&["--json", "data.json"]).stdout).unwrap();
    let schema = Command::new(env!("CARGO_BIN_EXE_homehive")).args(["schema", "disks-import"]).output().unwrap();
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&answer).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let place = Place::new();
    place.write("broken.json", "{ \"disk\": {} ");
    place.write("other.json", "{ \"disks\": {} }");
    place.write("a.json", r#"{ "disk": { "a": { "device": "/dev/disk/by-id/a" } } }"#);
    place.write("b.json", r#"{ "disk": { "a": { "device": "/dev/disk/by-id/b" } } }"#);
    let mut seen = String::new();
    for words in [
        &["nowhere.nix"][..],
        &["nowhere.json"],
        &["broken.json"],
        &["other.json"],
        &["a.json", "b.json"],
        &["a.json", "--machine", "NAS"],
        &[".#a\"b"],
    ] {
        let _ = write!(seen, "$ homehive disks import {}\n{}\n", words.join(" "), place.shown(words));
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn nix_says_where_a_file_is_wrong() {
    if !nix("nix-instantiate", (2, 3)) {
        return;
    }
    let place = Place::new();
    for (case, text, expected) in [
        ("an undefined name", "{ disko.devices.disk = nothing; }", "wrong.nix:1:24"),
        ("more of lib", "{ lib, ... }: { disko.devices.disk = lib.fancy; }", "--nixpkgs DIR"),
        ("the configuration", "{ config, ... }: { disko.devices.disk = config.x; }", "import it as FLAKE#host"),
        ("an argument", "{ inputs, ... }: { disko.devices.disk = inputs.x; }", "`inputs`"),
    ] {
        place.write("wrong.nix", text);
        let output = place.run(&["wrong.nix"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{case}: {told}");
        assert!(told.contains(expected), "{case}: {told}");
    }
}

#[test]
fn a_host_of_a_flake() {
    if !nix("nix", (2, 18)) {
        return;
    }
    let place = Place::new();
    place.write(
        "flake.nix",
        r#"{ outputs = _: { nixosConfigurations.nas.config.disko.devices = {
          _config = throw "inner"; zpool = { };
          disk.main = { device = "/dev/disk/by-id/x"; _create = throw "inner";
            content = { type = "filesystem"; format = "ext4"; mountpoint = "/"; run = x: x; preMountHook = ""; }; };
        }; }; }"#,
    );
    let output = place.run(&[".#nas"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(lines.starts_with("[machines.nas.storage.disk.main]\n"), "{lines}");
    let output = place.run(&[".#pi"]);
    assert_eq!(output.status.code(), Some(4));
}

/// disko's examples, if a checkout is there.
fn examples() -> Option<(PathBuf, Vec<String>)> {
    let Some(checkout) = std::env::var_os("HOMEHIVE_DISKO").map(PathBuf::from) else {
        eprintln!("skipped: HOMEHIVE_DISKO names no checkout of disko");
        return None;
    };
    let mut names: Vec<String> = fs::read_dir(checkout.join("example"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "nix"))
        .collect();
    names.sort();
    assert!(names.len() > 30, "{names:?}");
    Some((checkout, names))
}

/// The answer of `disks import --json`.
fn answer(place: &Place, file: &Path) -> Value {
    let output = place.run(&["--json", &file.display().to_string()]);
    let said: Result<Value, _> = serde_json::from_slice(&output.stdout);
    let mut said = said.unwrap_or_else(|_| panic!("{}: {}", file.display(), String::from_utf8_lossy(&output.stderr)));
    let whole = said["answer"]["findings"].as_array().unwrap().is_empty();
    assert_eq!(output.status.code(), Some(i32::from(!whole)), "{}", file.display());
    said["answer"].take()
}

#[test]
fn each_of_diskos_examples_is_imported_or_named() {
    let Some((checkout, names)) = examples() else { return };
    if !nix("nix-instantiate", (2, 3)) {
        return;
    }
    let place = Place::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &names {
        let answer = answer(&place, &checkout.join("example").join(name));
        let findings = answer["findings"].as_array().unwrap();
        let kinds: Vec<&str> = findings.iter().map(|it| it["kind"].as_str().unwrap()).collect();
        let class = match kinds.iter().copied().find(|kind| *kind != "fill_in") {
            None if kinds.is_empty() => "whole",
            None => "whole but for lasting names of disks",
            Some(_) => "in part",
        };
        *counts.entry(class).or_default() += 1;
        println!("{name}: {class}");
        for finding in findings.iter().filter(|it| it["kind"] != "fill_in") {
            println!("    {} {}: {}", finding["kind"], finding["at"], finding["message"]);
        }
    }
    println!("{counts:?}");
}

const EVALUATE: &str = r#"{ nixpkgs, disko, plain }:
let
  lib = import (/. + nixpkgs + "/lib");
  disko-lib = import (/. + disko + "/lib") { inherit lib; rootMountPoint = "/mnt"; };
  files = builtins.filter (lib.hasSuffix ".nix") (builtins.attrNames (builtins.readDir (/. + disko + "/example")));
  devices = file: (lib.evalModules { modules = [
    { options.disko.devices = lib.mkOption { type = disko-lib.toplevel; }; config._module.args.disks = [ "/dev/vdb" ]; }
    (/. + disko + "/example/${file}")
  ]; }).config.disko.devices;
in lib.genAttrs files (file: plain (devices file))"#;

/// What disko adds when it evaluates a tree, its own defaults, says nothing: the imported tree and what is named stay the
/// same.
#[test]
fn diskos_own_evaluation_says_the_same() {
    let Some((checkout, names)) = examples() else { return };
    let Ok(nixpkgs) = std::env::var("HOMEHIVE_NIXPKGS") else {
        eprintln!("skipped: HOMEHIVE_NIXPKGS names no nixpkgs tree");
        return;
    };
    if !nix("nix-instantiate", (2, 18)) {
        return;
    }
    let checkout = checkout.canonicalize().unwrap();
    let output = Command::new("nix-instantiate")
        .args(["--eval", "--strict", "--json", "--argstr", "nixpkgs", &nixpkgs, "--argstr", "disko"])
        .arg(&checkout)
        .args(["--arg", "plain", include_str!("../src/importing/plain.nix"), "--expr", EVALUATE])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let evaluated: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    let place = Place::new();
    for name in &names {
        place.write("evaluated.json", &evaluated[name].to_string());
        let own = answer(&place, &checkout.join("example").join(name));
        let theirs = answer(&place, &place.dir.path().join("evaluated.json"));
        assert_eq!(own["storage"], theirs["storage"], "{name}");
        assert_eq!(own["findings"], theirs["findings"], "{name}");
    }
}
