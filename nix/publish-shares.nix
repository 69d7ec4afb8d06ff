# The share publisher alone: what machines run of homehive, and nothing else of it.
{
  lib,
  rustPlatform,
}:
let
  workspace = (builtins.fromTOML (builtins.readFile ../Cargo.toml)).workspace.package;
in
rustPlatform.buildRustPackage {
  pname = "homehive-publish-shares";
  inherit (workspace) version;
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../crates
    ];
  };
  cargoLock.lockFile = ../Cargo.lock;
  cargoBuildFlags = [
    "--package"
    "publisher"
    "--bin"
    "homehive-publish-shares"
  ];
  # The tests need network namespaces and an API server, which a build of Nix has not; CI runs them.
  doCheck = false;
  meta = {
    description = "Publishes the shares of a cluster on the LAN by Avahi";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "homehive-publish-shares";
    platforms = lib.platforms.linux;
  };
}
