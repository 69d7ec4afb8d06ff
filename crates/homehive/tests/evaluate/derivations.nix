# Flake outputs → the derivations of all that can be built, by their attribute paths.
outputs:
let
  all = prefix: select: set: builtins.listToAttrs (
    map (name: {
      name = prefix name;
      value = (select set.${name}).drvPath;
    }) (builtins.attrNames set)
  );
in
all (name: "nixosConfigurations.${name}.config.system.build.toplevel") (system: system.config.system.build.toplevel) outputs.nixosConfigurations
// all (name: "packages.x86_64-linux.${name}") (package: package) outputs.packages.x86_64-linux
// all (name: "checks.x86_64-linux.${name}") (check: check) outputs.checks.x86_64-linux
