# Ephemeral and persistent storage in disko's words. Beside disko's own module it becomes `disko.devices`; without it, what
# is declared here is data that `homehive disks import FLAKE#HOST` and `lib.deploy` read.
{
  config,
  lib,
  options,
  ...
}:
let
  merge = import ./lib/merge.nix;
  cfg = config.partitioning;
  devices =
    description:
    lib.mkOption {
      type = lib.types.attrsOf (lib.types.attrsOf lib.types.anything);
      default = { };
      example = lib.literalExpression ''{ disk.os = { device = "/dev/disk/by-id/…"; content = { … }; }; }'';
      inherit description;
    };
in
{
  options.partitioning = {
    ephemeral = devices "Device tree (`disk`, `mdadm`, `lvm_vg`, …) that a reinstall makes anew.";
    persistent = devices "Device tree that a reinstall keeps: only its name in so many words gives it up.";
    devices = lib.mkOption {
      type = lib.types.attrsOf (lib.types.attrsOf lib.types.anything);
      readOnly = true;
      description = "Both, merged: a device that stands in both is an error.";
    };
    persistentNodes = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      readOnly = true;
      description = "What is persistent, by the names that homehive's `--wipe` takes: `lvm_vg.nas`.";
    };
  };
  config = {
    partitioning.devices = merge [
      cfg.ephemeral
      cfg.persistent
    ];
    partitioning.persistentNodes = import ./lib/nodes.nix cfg.persistent;
  }
  // lib.optionalAttrs (options ? disko) {
    disko.devices = cfg.devices;
  };
}
