# A fleet → the set of its NixOS configurations.
#
# `fleet ./fleet.toml` (or .json, or a fleet.nix) takes the tree that `homehive render` wrote beside the file, if there is
# one: evaluation then stays pure. Otherwise, and for a fleet that is an attribute set, the tree is rendered while Nix
# evaluates (import from derivation); secrets that the machines refer to must be there already, because a random one that
# a build makes up would be another one the next time.
{
  nixpkgs,
  agenix,
  homehive,
}:
source:
let
  inherit (nixpkgs) lib;
  # Rendering needs a binary that runs here; in pure evaluation nobody can tell where that is.
  system = builtins.currentSystem or "x86_64-linux";
  isData = builtins.isAttrs source && !(source ? outPath);
  file = if isData then null else source;
  dir = if isData then null else dirOf file;

  extension = if isData then "json" else lib.last (lib.splitString "." (baseNameOf file));
  given =
    if isData then
      source
    else if extension == "json" then
      lib.importJSON file
    else if extension == "nix" then
      (
        let
          it = import file;
        in
        if builtins.isFunction it then it { } else it
      )
    else
      lib.importTOML file;

  # What the Samba operator of shares is made from: a build has no network to fetch it itself.
  upstream =
    packages:
    let
      file = name: source: path: sha256: {
        name = "${name}/${path}";
        path = packages.fetchurl {
          url = "https://raw.githubusercontent.com/${source.repository}/${source.revision}/${path}";
          inherit sha256;
        };
      };
      files = name: source: lib.mapAttrsToList (file name source) source.files;
      pins = (lib.importTOML ../../crates/cluster/src/catalogue/pins.toml).upstream;
    in
    packages.linkFarm "upstream" (lib.concatLists (lib.mapAttrsToList files pins));

  rendered =
    (packages: packages.runCommand "fleet-${given.fleet.name}"
    {
      HOMEHIVE_UPSTREAM = lib.optionalString (given ? shares) (upstream packages);
    } ''
      mkdir $out
      ${lib.optionalString (!isData) "cp -r ${builtins.path { path = dir; name = "fleet"; }}/. $out/"}
      chmod -R u+w $out
      cp ${packages.writeText "fleet.json" (builtins.toJSON given)} $out/fleet.json
      ${lib.getExe (homehive system)} --plain --fleet $out/fleet.json render --no-secrets
    '') nixpkgs.legacyPackages.${system};
  tree = if !isData && builtins.pathExists (dir + "/hosts") then dir else rendered;

  # A machine with a `configuration` is another flake's.
  ours = lib.filterAttrs (_: machine: !(machine ? configuration)) given.machines;
in
lib.mapAttrs (
  name: _:
  lib.nixosSystem {
    modules = [
      agenix.nixosModules.default
      ../publisher-module.nix
      (tree + "/hosts/${name}")
    ];
  }
) ours
