//! `probe` of this machine, and what it proposes: needs root's rights, changes nothing.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::process::{Command, Output};

/// Runs homehive, if this machine can be looked at; else says why not.
fn probe(words: &[&str]) -> Option<Output> {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
    command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
    command.current_dir(dir.path()).args(["--plain", "probe", "local"]).args(words).env_remove("HOMEHIVE_FLEET");
    let output = command.output().unwrap();
    if output.status.code() == Some(4) {
        eprintln!("skipped: this machine cannot be looked at: {}", String::from_utf8_lossy(&output.stderr).trim());
        return None;
    }
    Some(output)
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn this_machine_as_json_keeps_to_its_schema_and_is_facts_to_a_plan() {
    let Some(output) = probe(&["--json", "--propose", "nas", "--nix"]) else { return };
    let answer: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let schema = Command::new(env!("CARGO_BIN_EXE_homehive")).args(["schema", "probe"]).output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&answer).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(answer["answer"]["proposal"]["machine"], "nas");
    assert!(answer["answer"]["proposal"]["toml"].as_str().unwrap().contains("[machines.nas]\n"));
    assert!(answer["answer"]["hardware_configuration"].as_str().unwrap().contains("nixpkgs.hostPlatform"));

    // The same answer is what `disks plan --facts` reads.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("facts.json"), answer.to_string()).unwrap();
    let fleet = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/nas/fleet.toml");
    let plan = Command::new(env!("CARGO_BIN_EXE_homehive"))
        .current_dir(dir.path())
        .args(["--plain", "--fleet", &fleet.display().to_string(), "disks", "plan", "nas", "--facts", "facts.json"])
        .output()
        .unwrap();
    // None of the example's disks is here, which is refused: the facts were read.
    assert_eq!(plan.status.code(), Some(3), "{}", String::from_utf8_lossy(&plan.stderr));
}

#[test]
fn files_are_written_once_and_names_have_to_be_names() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hardware-configuration.nix").display().to_string();
    let Some(output) = probe(&["--nix", &file]) else { return };
    assert_eq!(stdout(&output), format!("wrote {file}\n"));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}# mine\n")).unwrap();
    for (words, status) in
        [(&["--nix", &file][..], 3), (&["--propose", "A name"], 2), (&["--propose", "nas", "--nix"], 2)]
    {
        let output = probe(words).unwrap();
        assert_eq!(output.status.code(), Some(status), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("# mine\n"));
}

/// With a nixpkgs tree and a Nix that evaluates it, the file is a system's.
#[test]
fn the_written_file_evaluates() {
    let Ok(nixpkgs) = std::env::var("HOMEHIVE_NIXPKGS") else {
        eprintln!("skipped: HOMEHIVE_NIXPKGS names no nixpkgs tree");
        return;
    };
    let Some(output) = probe(&["--nix"]) else { return };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("found.nix"), stdout(&output)).unwrap();
    let expression = r#"{ nixpkgs, found }: (import (/. + nixpkgs + "/nixos/lib/eval-config.nix") { system = null; modules = [
      (/. + found)
      { boot.loader.grub.enable = false; system.stateVersion = "26.05"; fileSystems."/".device = "x"; fileSystems."/".fsType = "ext4"; }
    ]; }).config.boot.initrd.availableKernelModules"#;
    let evaluated = Command::new("nix-instantiate")
        .args(["--eval", "--strict", "--json", "--argstr", "nixpkgs", &nixpkgs, "--argstr", "found"])
        .arg(dir.path().join("found.nix"))
        .args(["--expr", expression])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&evaluated.stderr).into_owned();
    if told.contains("2.18") && !evaluated.status.success() {
        eprintln!("skipped: a Nix that can evaluate this nixpkgs is missing: {}", told.trim());
        return;
    }
    assert!(evaluated.status.success(), "{told}");
}
