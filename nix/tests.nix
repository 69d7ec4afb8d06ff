# What the functions of ./lib do, as assertions: the names of those that do not hold, none if all is well.
#
#   nix-instantiate --eval --strict --json nix/tests.nix --argstr nixpkgs ""    merging alone; any Nix will do
#   nix-instantiate … --argstr nixpkgs TREE --argstr agenix TREE                everything, Nix 2.18 or later
{
  nixpkgs ? "",
  agenix ? "",
  rendered ? "",
}:
let
  merge = import ./lib/merge.nix;
  nodes = import ./lib/nodes.nix;
  fails = value: !(builtins.tryEval (builtins.deepSeq value value)).success;

  os.disk.os = {
    device = "/dev/disk/by-id/nvme-1";
    content = {
      type = "gpt";
      partitions.root = {
        size = "100%";
        content = {
          type = "filesystem";
          format = "ext4";
          mountpoint = "/";
        };
      };
    };
  };
  data = {
    disk.data1.device = "/dev/disk/by-id/ata-1";
    lvm_vg.data.lvs.all.size = "100%";
  };

  plain = {
    merging_nothing_is_empty = merge [ ] == { };
    merging_one_is_itself = merge [ os ] == os;
    merging_two_holds_both =
      merge [
        os
        data
      ] == {
        disk = os.disk // data.disk;
        inherit (data) lvm_vg;
      };
    the_order_does_not_matter =
      merge [
        os
        data
      ] == merge [
        data
        os
      ];
    a_clash_is_an_error = fails (merge [
      os
      { disk.os.device = "/dev/disk/by-id/other"; }
    ]);
    the_same_twice_is_a_clash = fails (merge [
      os
      os
    ]);
    the_same_name_of_another_kind_is_none =
      merge [
        data
        { zpool.data.mode = "mirror"; }
      ] == data // { zpool.data.mode = "mirror"; };
    what_is_no_set_is_an_error = fails (merge [ { disk = [ ]; } ]);
    devices_by_name =
      nodes data == [
        "disk.data1"
        "lvm_vg.data"
      ];
  };

  tree = if nixpkgs == "" then throw "nixpkgs is not given" else /. + nixpkgs;
  lib = import (tree + "/lib");
  # As much of a flake as ./lib asks for.
  flake = {
    outPath = toString tree;
    lib = lib // {
      nixosSystem = args: import (tree + "/nixos/lib/eval-config.nix") ({ system = null; } // args);
    };
    legacyPackages.x86_64-linux = import tree { system = "x86_64-linux"; };
  };
  hive = import ./lib {
    nixpkgs = flake;
    agenix.nixosModules.default = /. + agenix + "/modules/age.nix";
    homehive = _: flake.legacyPackages.x86_64-linux.hello;
  };
  publisher = flake.legacyPackages.x86_64-linux.callPackage ./publish-shares.nix { };
  package = flake.legacyPackages.x86_64-linux.callPackage ./package.nix { };

  machine =
    modules:
    (flake.lib.nixosSystem {
      modules = [
        ./module.nix
        {
          nixpkgs.hostPlatform = "x86_64-linux";
          networking.hostName = "nas";
          partitioning = {
            ephemeral = hive.mergeDiskoDevices [ os ];
            persistent = hive.mergeDiskoDevices [ data ];
          };
        }
      ]
      ++ modules;
    }).config;
  # What stands for disko's module, whose option is all that matters here.
  disko = {
    options.disko.devices = lib.mkOption { type = lib.types.attrsOf lib.types.anything; };
  };
  config = machine [ ];
  deploys = arguments: (hive.deploy ({ inherit config; ip = "192.168.1.10"; } // arguments)).text;
  formats = hive.formatScript {
    ip = "192.168.1.10";
    machine = "nas";
  } [ data ];
  medium =
    (flake.lib.nixosSystem (
      hive.bootImage {
        ip = "192.168.1.50";
        gateway = "192.168.1.1";
        rootSSHKeys = [ "ssh-ed25519 AAAA me\n" ];
      }
    )).config;
  isDerivation = path: lib.hasPrefix builtins.storeDir path && lib.hasSuffix ".drv" path;

  full = {
    storage_is_merged = config.partitioning.devices == merge [ os data ];
    persistent_devices_are_named =
      config.partitioning.persistentNodes == [
        "disk.data1"
        "lvm_vg.data"
      ];
    disko_gets_both = (machine [ disko ]).disko.devices == merge [ os data ];
    a_device_in_both_is_an_error = fails (machine [ { partitioning.persistent.disk.os = { }; } ]).partitioning.devices;
    deploy_keeps_what_is_persistent =
      lib.hasInfix "--fleet fleet.toml install nas --host 192.168.1.10 --reinstall \"$@\"" (deploys { });
    deploy_wipes_it_when_told =
      lib.hasInfix "--reinstall --wipe disk.data1 --wipe lvm_vg.data --no-reboot \"$@\"" (deploys {
        wipePersistentStorage = true;
        extraArgs = [ "--no-reboot" ];
      });
    deploy_quotes_words = lib.hasInfix "--fleet 'my fleet; rm' " (deploys { fleet = "my fleet; rm"; });
    a_fleet_in_the_store_is_refused = fails (deploys { fleet = ./tests.nix; });
    formats_the_chosen_devices =
      lib.hasInfix "--fleet fleet.toml disks script nas --only disk.data1 --only lvm_vg.data" formats.text;
    formats_over_ssh = lib.hasInfix "/bin/ssh root@192.168.1.10 sh -s" formats.text;
    programs_evaluate = isDerivation formats.drvPath;
    the_medium_evaluates = isDerivation medium.system.build.isoImage.drvPath;
    the_medium_has_its_address = medium.systemd.network.networks."10-lan".address == [ "192.168.1.50/24" ];
    the_medium_takes_the_keys =
      medium.users.users.root.openssh.authorizedKeys.keys == [ "ssh-ed25519 AAAA me" ]
      && medium.services.openssh.settings.PasswordAuthentication == false;
    the_publisher_evaluates = isDerivation publisher.drvPath;
    the_package_evaluates = isDerivation package.drvPath;
    the_shell_evaluates = isDerivation (import ./shell.nix { pkgs = flake.legacyPackages.x86_64-linux; }).drvPath;
  }
  // (
    if rendered == "" then
      { }
    else
      let
        machines = hive.fleet (/. + rendered + "/fleet.toml");
      in
      {
        a_rendered_fleet_is_its_machines = builtins.attrNames machines == [ "nas" ];
        a_machine_of_the_fleet_evaluates = isDerivation machines.nas.config.system.build.toplevel.drvPath;
        a_machine_of_the_fleet_is_itself = machines.nas.config.networking.hostName == "nas";
      }
  );

  all = plain // (if nixpkgs == "" then { } else full);
in
{
  asked = builtins.length (builtins.attrNames all);
  failed = builtins.filter (name: !all.${name}) (builtins.attrNames all);
}
