# What the proofs of only_nixos.rs are evaluated with.
let
  tree = builtins.getEnv "HOMEHIVE_NIXPKGS";
  base =
    { lib, ... }:
    {
      boot.loader.grub.device = lib.mkDefault "/dev/disk/by-id/ata-S1";
      documentation.enable = false;
      fileSystems."/" = lib.mkDefault {
        device = "/dev/disk/by-label/root";
        fsType = "ext4";
      };
      system.stateVersion = "25.11";
    };
  nixos =
    module:
    (import (tree + "/nixos/lib/eval-config.nix") {
      system = "x86_64-linux";
      modules = [
        base
        module
      ];
    }).config;
  # Said to the last word, for Nix is lazy.
  said = it: builtins.deepSeq it true;
  # True, or the first assertion of NixOS that does not hold.
  held =
    module:
    let
      failed = builtins.filter (it: !it.assertion) (nixos module).assertions;
    in
    if failed == [ ] then true else throw (builtins.head failed).message;
  pkgs = import tree {
    system = "x86_64-linux";
    config = { };
    overlays = [ ];
  };
in
