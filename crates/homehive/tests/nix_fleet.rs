//! `--fleet fleet.nix`: a real Nix evaluates the fleet, and what is wrong is shown where it is written in Nix. Works with
//! any Nix.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const GOOD: &str = r#"
let
  key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGTS0H1TYLZFMKTKOmzeE4ACSMMVTQs4axckyyz0p3hI ben@laptop";
  node = number: {
    address = "192.168.1.${toString (10 + number)}";
    modules = [ ./modules/printer.nix ];
    storage.disk.main = {
      serial = "DISK-${toString number}";
      content = {
        type = "gpt";
        partitions.esp = {
          size = "1GiB";
          type = "efi";
          content = { type = "filesystem"; format = "vfat"; mountpoint = "/boot"; };
        };
        partitions.root = {
          size = "100%";
          content = { type = "filesystem"; format = "ext4"; mountpoint = "/"; };
        };
      };
    };
  };
in
{
  fleet.name = "home";
  admin = { user = "ben"; keys = [ key ]; };
  network.subnet = "192.168.1.0/24";
  network.gateway = "192.168.1.1";
  machines = {
    one = node 1;
    two = node 2;
  };
}
"#;

/// Runs homehive in a directory with this `fleet.nix`; nothing if there is no Nix.
fn run(fleet: &str, words: &[&str]) -> Option<Output> {
    if Command::new("nix-instantiate").arg("--version").output().is_err() {
        println!("skipped: nix-instantiate is not on this machine");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("modules")).unwrap();
    fs::write(dir.path().join("modules/printer.nix"), "{ }\n").unwrap();
    fs::write(dir.path().join("fleet.nix"), fleet.trim_start()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
    command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
    command.current_dir(dir.path()).args(["--plain", "--fleet", "fleet.nix"]).args(words);
    command.env("HOME", dir.path()).env_remove("HOMEHIVE_FLEET").env_remove("NIX_PATH");
    // A store of the test's own: nothing is written to the machine's.
    command.env("NIX_REMOTE", format!("local?root={}", dir.path().join("nix").display()));
    Some(command.output().unwrap())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn an_expression_is_a_fleet() {
    let function = format!("{{ }}: {GOOD}");
    for (case, text) in [("attributes", GOOD), ("a function", &function)] {
        let Some(output) = run(text, &["check"]) else { return };
        assert!(output.status.success(), "{case}: {}", said(&output));
    }
    let Some(output) = run(GOOD, &["--json", "show"]) else { return };
    let shown = said(&output);
    assert!(shown.contains("192.168.1.12") && shown.contains("\"two\""), "{shown}");
}

#[test]
fn what_is_wrong_is_shown_in_the_nix_text() {
    for (case, from, to, wanted, line, column) in [
        ("an address outside", "\"192.168.1.0/24\"", "\"10.0.0.0/24\"", "fleet::", None, None),
        ("a bad subnet", "\"192.168.1.0/24\"", "\"192.168.1.7/24\"", "fleet::", Some(26), Some(3)),
        (
            "an unknown key",
            "user = \"ben\";",
            "user = \"ben\"; shell = \"zsh\";",
            "document::unknown_key",
            Some(25),
            Some(27),
        ),
        (
            "a wrong kind",
            "serial = \"DISK-${toString number}\";",
            "serial = number;",
            "document::wrong_kind",
            Some(7),
            Some(7),
        ),
    ] {
        let Some(output) = run(&GOOD.replace(from, to), &["--json", "check"]) else { return };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{case}: {}", said(&output));
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        let problems = answer["answer"]["problems"].as_array().unwrap();
        let found = problems.iter().find(|it| it["code"].as_str().unwrap().starts_with(wanted)).unwrap();
        if let (Some(line), Some(column)) = (line, column) {
            assert_eq!(
                (found["line"].as_u64(), found["column"].as_u64()),
                (Some(line), Some(column)),
                "{case}: {text}"
            );
        }
    }
}

#[test]
fn errors_of_nix_are_shown_with_their_place() {
    for (case, text, wanted) in [
        ("syntax", "{\n  fleet.name = ;\n}", "fleet.nix:2:16"),
        ("unknown name", "{ fleet.name = home; }", "fleet.nix:1:16"),
        ("a function inside", "{ fleet.name = x: x; }", "`fleet.name` is a function"),
        ("outside of its directory", "import /etc/hostname", "restricted"),
        ("an endless loop", "let a = a; in a", "infinite recursion"),
    ] {
        let Some(output) = run(text, &["check"]) else { return };
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{case}: {said}");
        assert!(said.contains(wanted), "{case}: {said}");
    }
    assert!(Path::new("/etc/hostname").exists(), "the file that must not be read is there");
}
