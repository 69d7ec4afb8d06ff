//! `README.md` of a rendered tree: what is what, for whoever finds it without homehive.

use crate::File;
use fleet::Fleet;
use std::fmt::Write as _;

/// The file.
pub(super) fn file(fleet: &Fleet) -> File {
    let about = &fleet.about;
    let mut text = format!(
        "# {}\n\nA NixOS flake, rendered by `homehive render` from a fleet file. It works without homehive.\n\n\
         | | |\n|---|---|\n\
         | `flake.nix` | where everything comes from, and what comes out |\n\
         | `hosts/NAME/` | one machine: boot loader, disks, services |\n\
         | `modules/` | what all machines have in common |\n\
         | `installer.nix` | the installation medium |\n\
         | `secrets/` | secrets, encrypted; `secrets.nix` says who can open which |\n\
         | `tests/` | each machine in a virtual machine |\n\n",
        about.name
    );
    for (name, machine) in &fleet.machines {
        let _ = match &machine.configuration {
            None => {
                writeln!(text, "- `{name}`: `nixos-rebuild switch --flake .#{name} --target-host {}`", machine.address)
            }
            Some(other) => writeln!(text, "- `{name}`: its configuration is `{other}`"),
        };
    }
    text.push_str(
        "\n`nix flake check` evaluates all of it and runs the tests. A change by hand is kept: homehive renders over no file\n\
         that was edited, until it is told to.\n",
    );
    File { path: "README.md".to_owned(), text }
}
