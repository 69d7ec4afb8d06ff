//! What homehive renders, evaluated by a real Nix with a real nixpkgs: that it evaluates at all, and that the
//! configuration then says what the fleet says.
//!
//! Wants `HOMEHIVE_NIXPKGS` and `HOMEHIVE_AGENIX`, each the path of a source tree, and Nix 2.18 or later; what is missing
//! is told, and the test skipped. Parsing works with any Nix.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod agreement;
mod fleets;
mod nix;
mod said;

use fleet::Role;
use fleets::Rendered;
use nix::Nix;
use said::ClusterSecrets;

/// The fleets that are rendered and evaluated.
const EXAMPLES: [&str; 2] = ["nas", "cluster"];

#[test]
fn every_file_parses_with_nix() {
    if !nix::parser() {
        return;
    }
    for rendered in EXAMPLES.into_iter().map(Rendered::example) {
        let files = rendered.nix_files();
        assert!(files.len() > 10, "{}: only {} files", rendered.name, files.len());
        for file in files {
            nix::parse(&rendered.tree.path().join(file));
        }
    }
}

#[test]
fn every_file_is_as_nixfmt_would_have_it() {
    for rendered in EXAMPLES.into_iter().map(Rendered::example) {
        for file in rendered.nix_files() {
            let text = std::fs::read_to_string(rendered.tree.path().join(&file)).unwrap();
            assert_eq!(nixfmt_rs::format(&text).unwrap(), text, "{}/{file}", rendered.name);
        }
    }
}

#[test]
fn flakes_check_and_every_derivation_evaluates() {
    let Some(nix) = Nix::find() else { return };
    for rendered in EXAMPLES.into_iter().map(Rendered::example) {
        let dir = rendered.tree.path();
        nix.flake(dir, "", &["flake", "check", "--no-build"]);
        let derivations = nix.json(dir, "", include_str!("derivations.nix"));
        let mut wanted = Vec::new();
        for name in rendered.fleet.machines.keys() {
            wanted.extend([
                format!("nixosConfigurations.{name}.config.system.build.toplevel"),
                format!("checks.x86_64-linux.{name}"),
                format!("packages.x86_64-linux.installer-iso-{name}"),
            ]);
        }
        for image in ["iso", "kexec"] {
            wanted.push(format!("packages.x86_64-linux.installer-{image}"));
        }
        for name in wanted {
            let path = derivations[&name].as_str().unwrap_or_else(|| panic!("{}: no {name}", rendered.name));
            assert!(
                path.starts_with("/nix/store/") && path.strip_suffix(".drv").is_some(),
                "{}: {name}: {path}",
                rendered.name
            );
            println!("{} {name} {path}", rendered.name);
        }
    }
}

#[test]
fn configurations_say_what_the_fleet_says() {
    let Some(nix) = Nix::find() else { return };
    let examples = EXAMPLES.into_iter().map(Rendered::example);
    for rendered in examples.chain(Rendered::variants()).chain(Rendered::layouts()) {
        let printed = nix.json(rendered.tree.path(), "#nixosConfigurations", include_str!("said.nix"));
        let said = said::read(printed);
        for (name, machine) in &rendered.fleet.machines {
            let said =
                said.get(name.as_ref()).unwrap_or_else(|| panic!("{}: no configuration of {name}", rendered.name));
            let differences = agreement::differences(&rendered.fleet, name, machine, said);
            assert!(differences.is_empty(), "{}: {name}:\n{}", rendered.name, differences.join("\n"));
            let wanted = (machine.role == Role::K3sServer).then(ClusterSecrets::of_a_server);
            assert_eq!(said.cluster_secrets, wanted, "{}: {name}", rendered.name);
        }
    }
}
