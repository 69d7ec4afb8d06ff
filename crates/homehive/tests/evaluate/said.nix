# nixosConfigurations → what each says of itself, as plain data.
systems:
let
  attrs = names: set: builtins.listToAttrs (map (name: { inherit name; value = set.${name} or null; }) names);
  filter = keep: set: removeAttrs set (builtins.filter (name: !keep set.${name}) (builtins.attrNames set));
  said =
    { config, ... }:
    {
      inherit (config) warnings;
      failedAssertions = map (it: it.message) (builtins.filter (it: !it.assertion) config.assertions);
      hostName = config.networking.hostName;
      domain = config.networking.domain;
      timeZone = config.time.timeZone;
      stateVersion = config.system.stateVersion;

      firewall = {
        inherit (config.networking.firewall) enable allowedTCPPorts allowedUDPPorts trustedInterfaces extraCommands;
        tcpRanges = config.networking.firewall.allowedTCPPortRanges;
        udpRanges = config.networking.firewall.allowedUDPPortRanges;
        nftables = config.networking.nftables.enable;
        # A machine's own cables are not to be opened apart.
        interfaces = builtins.mapAttrs (_: open: open.allowedTCPPorts ++ open.allowedUDPPorts) config.networking.firewall.interfaces;
      };

      mutableUsers = config.users.mutableUsers;
      wheelNeedsPassword = config.security.sudo.wheelNeedsPassword;
      users = builtins.mapAttrs (_: user: {
        inherit (user) extraGroups;
        keys = user.openssh.authorizedKeys.keys;
        keyFiles = map toString user.openssh.authorizedKeys.keyFiles;
        password =
          user.password != null
          || user.initialPassword != null
          || user.initialHashedPassword != null
          || user.hashedPasswordFile != null
          || !(builtins.elem user.hashedPassword [ null "!" ]);
      }) (filter (user: user.isNormalUser || user.name == "root") config.users.users);

      sshd = {
        inherit (config.services.openssh) enable ports authorizedKeysInHomedir;
        hostKeys = map (key: key.path) config.services.openssh.hostKeys;
        settings = attrs [
          "PasswordAuthentication"
          "KbdInteractiveAuthentication"
          "PermitRootLogin"
        ] config.services.openssh.settings;
      };

      fileSystems = builtins.mapAttrs (_: mount: { inherit (mount) device fsType options; }) config.fileSystems;
      luks = builtins.mapAttrs (_: container: container.device) config.boot.initrd.luks.devices;
      swapDevices = map (swap: swap.device) config.swapDevices;
      initrdModules = config.boot.initrd.kernelModules;
      availableModules = config.boot.initrd.availableKernelModules;
      kernelModules = config.boot.kernelModules;
      microcode = {
        intel = config.hardware.cpu.intel.updateMicrocode;
        amd = config.hardware.cpu.amd.updateMicrocode;
      };
      swraid = { inherit (config.boot.swraid) enable mdadmConf; };
      lvm = config.boot.initrd.services.lvm.enable;
      grub = { inherit (config.boot.loader.grub) enable devices; };
      systemdBoot = config.boot.loader.systemd-boot.enable;
      efiSysMountPoint = config.boot.loader.efi.efiSysMountPoint;

      k3s = {
        inherit (config.services.k3s) enable role clusterInit serverAddr disable extraFlags nodeIP;
        tokenFile = if config.services.k3s.tokenFile == null then null else toString config.services.k3s.tokenFile;
        token = config.services.k3s.token;
        version = config.services.k3s.package.version;
      };

      # Null where there is no such unit; what NixOS makes of one is merged, and so whole.
      clusterSecrets =
        let
          unit = config.systemd.services.homehive-secrets;
        in
        if config.systemd.services ? homehive-secrets then
          {
            type = unit.serviceConfig.Type;
            restart = unit.serviceConfig.Restart;
            wantedBy = unit.wantedBy;
            together = unit.wants ++ unit.requires ++ unit.bindsTo ++ unit.after ++ unit.before ++ unit.partOf;
            limited = unit.startLimitBurst > 0 && unit.startLimitIntervalSec > 0;
          }
        else
          null;

      autoUpgrade = {
        inherit (config.system.autoUpgrade) enable flake dates randomizedDelaySec allowReboot rebootWindow;
      };

      hosts = config.networking.hosts;
      nameservers = config.networking.nameservers;
      lan = {
        inherit (config.systemd.network.networks."10-lan") address gateway matchConfig;
      };
      dhcp = config.networking.useDHCP;
      avahi = config.services.avahi.enable;
      smartd = config.services.smartd.enable;
      packages = map (package: package.pname or package.name) config.environment.systemPackages;
      secrets = builtins.mapAttrs (_: secret: secret.path) config.age.secrets;
    };
in
builtins.mapAttrs (_: said) (filter (system: system.config ? age) systems)
