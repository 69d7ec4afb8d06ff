# The binary, with completions, manual pages, and the programs that it runs.
{
  lib,
  rustPlatform,
  installShellFiles,
  makeWrapper,
  nix,
  openssh,
}:
let
  workspace = (builtins.fromTOML (builtins.readFile ../Cargo.toml)).workspace.package;
in
rustPlatform.buildRustPackage {
  pname = "homehive";
  inherit (workspace) version;
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../clippy.toml
      ../crates
      ../examples
    ];
  };
  cargoLock.lockFile = ../Cargo.lock;
  cargoBuildFlags = [
    "--package"
    "homehive"
  ];
  # The tests start real tools and machines, which a build of Nix has not; CI runs them.
  doCheck = false;
  nativeBuildInputs = [
    installShellFiles
    makeWrapper
  ];
  postInstall = ''
    for shell in bash fish zsh; do
      $out/bin/homehive completions $shell > homehive.$shell
    done
    installShellCompletion homehive.{bash,fish,zsh}
    $out/bin/homehive man pages
    installManPage pages/*
    # The caller's own are preferred: the store's database may be of a newer Nix.
    wrapProgram $out/bin/homehive --suffix PATH : ${
      lib.makeBinPath [
        nix
        openssh
      ]
    }
  '';
  meta = {
    description = "From blank disks to a verified NixOS home cloud: one fleet file, one binary";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "homehive";
    platforms = lib.platforms.linux;
  };
}
