# Functions for flakes that use homehive. `homehive` gives the package of a system.
{
  nixpkgs,
  agenix,
  homehive,
}:
let
  inherit (nixpkgs) lib;
  merge = import ./merge.nix;
  nodes = import ./nodes.nix;
  packages = system: nixpkgs.legacyPackages.${system};
  # A program that runs the binary with these words, and what the caller adds. Nothing of it is read by a shell.
  run =
    {
      system,
      name,
      words,
    }:
    (packages system).writeShellScriptBin name ''
      exec ${lib.getExe (homehive system)} ${lib.escapeShellArgs words} "$@"
    '';
  flags = flag: lib.concatMap (value: [ flag value ]);
  # Where a fleet file lies when the program runs: a path of the store would lack the keys beside it.
  at = fleet: if builtins.isPath fleet then throw "name the fleet file as text, as it is found where the program is run: fleet = \"fleet.toml\"" else fleet;
in
{
  mergeDiskoDevices = merge;

  # The set of NixOS configurations of a fleet: `nixosConfigurations = hive.lib.fleet ./fleet.toml;`.
  fleet = import ./fleet.nix { inherit nixpkgs agenix homehive; };

  # A program that installs a machine: `nix run .#deploy`. The machine is the fleet's one of the configuration's name; what
  # is persistent is kept unless `wipePersistentStorage` is said.
  deploy =
    {
      config,
      ip,
      extraArgs ? [ ],
      wipePersistentStorage ? false,
      fleet ? "fleet.toml",
      system ? config.nixpkgs.hostPlatform.system or "x86_64-linux",
    }:
    run {
      inherit system;
      name = "deploy-${config.networking.hostName}";
      words = [
        "--fleet"
        (at fleet)
        "install"
        config.networking.hostName
        "--host"
        ip
        "--reinstall"
      ]
      ++ lib.optionals wipePersistentStorage (flags "--wipe" config.partitioning.persistentNodes)
      ++ extraArgs;
    };

  # A program that formats the chosen devices of a machine and leaves the others alone: `nix run .#format`. With `--print`
  # it prints the script instead of running it at `ip`.
  formatScript =
    {
      ip,
      machine,
      fleet ? "fleet.toml",
      user ? "root",
      system ? "x86_64-linux",
    }:
    devices:
    let
      words = [
        "--fleet"
        (at fleet)
        "disks"
        "script"
        machine
      ]
      ++ flags "--only" (nodes (merge devices));
    in
    (packages system).writeShellScriptBin "format-${machine}" ''
      set -euo pipefail
      script="$(${lib.getExe (homehive system)} ${lib.escapeShellArgs words})"
      if [ "''${1-}" = --print ]; then
        printf '%s\n' "$script"
        exit
      fi
      printf '%s\n' "$script" | ${(packages system).openssh}/bin/ssh ${
        lib.escapeShellArgs [
          "${user}@${ip}"
          "sh"
          "-s"
        ]
      }
    '';

  # An installation medium at a static address, as arguments of `nixpkgs.lib.nixosSystem` or of nixos-generators:
  # `(nixpkgs.lib.nixosSystem (hive.lib.bootImage { … })).config.system.build.isoImage`.
  bootImage =
    {
      ip,
      rootSSHKeys,
      prefix ? 24,
      gateway ? null,
      nameservers ? lib.optional (gateway != null) gateway,
      system ? "x86_64-linux",
    }:
    {
      inherit system;
      modules = [
        "${nixpkgs}/nixos/modules/installer/cd-dvd/installation-cd-minimal.nix"
        (import ./boot-image.nix {
          inherit
            ip
            rootSSHKeys
            prefix
            gateway
            nameservers
            ;
        })
      ];
    };
}
