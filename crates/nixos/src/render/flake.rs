//! `flake.nix`: where everything comes from, and what comes out.

use super::{Home, RenderError};
use crate::File;
use crate::syntax::{Expr, Set};
use fleet::{HostName, Machine};

/// The file.
pub(super) fn file(home: &Home<'_>) -> Result<File, RenderError> {
    let about = &home.fleet.about;
    let agenix = Set::new().put("url", Expr::text(&about.agenix)).put(
        "inputs",
        Set::new()
            .put("nixpkgs.follows", "nixpkgs")
            .note("What agenix needs on other systems only.")
            .put("darwin.follows", "")
            .put("home-manager.follows", ""),
    );
    let mut inputs = Set::new().put("nixpkgs.url", Expr::text(&about.nixpkgs)).put("agenix", agenix);
    let mut arguments = "{ self, nixpkgs, agenix }";
    if home.publishes() {
        let homehive = Set::new()
            .put("url", Expr::text(&about.homehive))
            .put("inputs", Set::new().put("nixpkgs.follows", "nixpkgs").put("agenix.follows", "agenix"));
        inputs = inputs.note("The share publisher.").put("homehive", homehive);
        arguments = "{ self, nixpkgs, agenix, homehive }";
    }
    let outputs = Expr::Function(arguments, Box::new(Expr::Let(bindings(home), Box::new(outputs(home).into()))));
    let set = Set::new()
        .put("description", format!("The machines of {} ({})", about.name, about.domain))
        .note("flake.lock pins the revisions: commit it.")
        .put("inputs", inputs)
        .put("outputs", outputs);
    Ok(File::nix("flake.nix", "Rendered by homehive from the fleet file; change that, and render again.", &set.into())?)
}

fn bindings(home: &Home<'_>) -> Set {
    let (note, machine) = if home.publishes() {
        (
            "A machine is its folder under hosts/, agenix for its secrets, and the share publisher.",
            "host: nixpkgs.lib.nixosSystem { modules = \
             [ agenix.nixosModules.default homehive.nixosModules.publisher host ]; }",
        )
    } else {
        (
            "A machine is its folder under hosts/, and agenix for its secrets.",
            "host: nixpkgs.lib.nixosSystem { modules = [ agenix.nixosModules.default host ]; }",
        )
    };
    Set::new()
        .put("system", "x86_64-linux")
        .put("pkgs", Expr::Code("nixpkgs.legacyPackages.${system}"))
        .note(note)
        .put("machine", Expr::Code(machine))
        .note("The installation medium as an image to boot from, and for kexec.")
        .put(
            "medium",
            Expr::Code(
                "modules: nixpkgs.lib.nixosSystem { inherit system; modules = [ ./installer.nix ] ++ modules; }",
            ),
        )
        .put(
            "iso",
            Expr::Code(
                "{ imports = [ \"${nixpkgs}/nixos/modules/installer/cd-dvd/installation-cd-minimal.nix\" ];\n\
                 # Unpacks several times faster than xz, and is hardly larger.\n\
                 isoImage.squashfsCompression = \"zstd -Xcompression-level 6\"; }",
            ),
        )
        .put(
            "kexec",
            Expr::Code(
                "{ imports = [ \"${nixpkgs}/nixos/modules/installer/netboot/netboot-minimal.nix\" ];\n\
                 netboot.squashfsCompression = \"zstd -Xcompression-level 6\"; }",
            ),
        )
}

fn outputs(home: &Home<'_>) -> Set {
    let ours = || home.fleet.machines.iter().filter(|(_, machine)| machine.configuration.is_none());
    let mut systems = Set::new();
    for (name, _) in ours() {
        let folder = Expr::Path(format!("./hosts/{name}"));
        systems = systems.put_named("", name.to_string(), Expr::Apply("machine", vec![folder]));
    }
    let medium = |modules| Expr::Apply("medium", vec![Expr::List(modules)]);
    systems = systems
        .note("Media: by DHCP, and for each machine at its own address.")
        .put("installer", medium(vec![Expr::Code("iso")]))
        .put("installer-kexec", medium(vec![Expr::Code("kexec")]));
    for (name, machine) in &home.fleet.machines {
        let own = medium(vec![Expr::Code("iso"), address(home, name, machine).into()]);
        systems = systems.put_named("", format!("installer-{name}"), own);
    }
    let built = |name: &str, what: &str| {
        let path = ["nixosConfigurations", name, "config", "system", "build", what];
        Expr::Select("self", path.map(str::to_owned).to_vec())
    };
    let mut packages = Set::new()
        .put("installer-iso", built("installer", "isoImage"))
        .put("installer-kexec", built("installer-kexec", "kexecTree"));
    for name in home.fleet.machines.keys() {
        packages =
            packages.put_named("", format!("installer-iso-{name}"), built(&format!("installer-{name}"), "isoImage"));
    }
    let mut set = Set::new().put("nixosConfigurations", systems);
    let modules = modules(home);
    if !modules.is_empty() {
        set = set.note("For machines whose configuration is another flake's.").put("nixosModules", modules);
    }
    set = set.put("packages.x86_64-linux", packages);
    let checks = ours().fold(Set::new(), |set, (name, _)| {
        let file = Expr::Path(format!("./tests/{name}.nix"));
        let mut given = Set::new().inherit("pkgs");
        if home.publishes() {
            given = given.inherit("homehive");
        }
        set.put_named("", name.to_string(), Expr::Apply("import", vec![file, Expr::Set(given)]))
    });
    if checks.is_empty() { set } else { set.put("checks.x86_64-linux", checks) }
}

/// Where a machine's own medium answers.
fn address(home: &Home<'_>, name: &HostName, machine: &Machine) -> Set {
    let address = format!("{}/{}", machine.address, home.fleet.network.subnet.prefix());
    Set::new().put("installer.address", address).put("networking.hostName", format!("installer-{name}"))
}

/// The importable modules; a machine of ours has one for its storage as well.
fn modules(home: &Home<'_>) -> Set {
    let mut set = Set::new();
    for (name, machine) in &home.fleet.machines {
        let mut add = |what: &str, file: &str| {
            let path = Expr::Path(format!("./hosts/{name}/{file}.nix"));
            set = std::mem::take(&mut set).put_named("", format!("{name}-{what}"), path);
        };
        if machine.configuration.is_none() {
            add("storage", "hardware-configuration");
            continue;
        }
        let wish = home.fleet.wish(name).unwrap_or_default();
        if !wish.nodes.is_empty() {
            add("storage", "storage");
        }
        if machine.loader(&wish).is_some() {
            add("boot", "boot");
        }
        add("network", "network");
    }
    set
}
