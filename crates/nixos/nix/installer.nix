{
  options.installer.address = lib.mkOption {
    type = lib.types.nullOr lib.types.str;
    default = null;
    example = "192.168.1.10/24";
    description = "The medium's static address; DHCP gives it one if this is null.";
  };

  config = {
    networking.hostName = lib.mkDefault "installer";
    networking.useNetworkd = true;
    networking.useDHCP = false;
    # One hand on the network is enough.
    networking.networkmanager.enable = lib.mkForce false;
    systemd.network.wait-online.anyInterface = true;
    systemd.network.networks."10-lan" = {
      matchConfig.Type = "ether";
      matchConfig.Kind = "!*";
    }
    // (
      if config.installer.address == null then
        { networkConfig.DHCP = "yes"; }
      else
        {
          address = [ config.installer.address ];
          inherit gateway dns;
        }
    );

    # The admin is root here, by key; who sits before the machine needs no password.
    users.users.root.openssh.authorizedKeys.keys = keys;
    services.openssh = {
      enable = true;
      settings = {
        PasswordAuthentication = false;
        KbdInteractiveAuthentication = false;
        PermitRootLogin = lib.mkForce "prohibit-password";
      };
      hostKeys = [
        {
          path = "/etc/ssh/ssh_host_ed25519_key";
          type = "ed25519";
        }
      ];
    };

    # The medium shows a host key that is known before it boots. The secret half must not be in the Nix store, which
    # everybody may read, nor in the image, which is built there. It is brought beside them when the medium is written:
    #   - as the file ssh_host_ed25519_key on a small filesystem labelled HOMEHIVE-KEY, on the same stick or another;
    #   - or, for kexec, as installer-key/ssh_host_ed25519_key in a cpio archive behind the initrd; in it as well lie
    #     files for systemd-networkd with the addresses that the machine had until then.
    # Without either the medium makes up a key of its own, which nobody who was told the pinned one will accept.
    boot.initrd.systemd.enable = true;
    boot.initrd.systemd.services.installer-key = {
      description = "Keep the host key that came with the initrd";
      wantedBy = [ "initrd.target" ];
      before = [ "initrd-switch-root.target" ];
      unitConfig = {
        DefaultDependencies = false;
        ConditionPathExists = "/installer-key/ssh_host_ed25519_key";
      };
      serviceConfig.Type = "oneshot";
      # /run lives on when the root changes.
      script = ''
        umask 077
        mkdir -p /run/installer-key
        cp /installer-key/ssh_host_ed25519_key /run/installer-key/
        for network in /installer-key/network/*.network; do
          [ -e "$network" ] || continue
          mkdir -p -m 0755 /run/systemd/network
          cp "$network" /run/systemd/network/
          chmod 0644 "/run/systemd/network/''${network##*/}"
        done
      '';
    };
    systemd.services.installer-host-key = {
      description = "Find the host key that was brought with the medium";
      wantedBy = [ "multi-user.target" ];
      before = [
        "sshd-keygen.service"
        "sshd.service"
      ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        TimeoutStartSec = 90;
      };
      path = [
        pkgs.coreutils
        pkgs.util-linux
        config.programs.ssh.package
        config.systemd.package
      ];
      script = ''
        umask 077
        key=/etc/ssh/ssh_host_ed25519_key
        take() {
          install -D -m 0600 "$1" "$key"
          ssh-keygen -y -f "$key" > "$key.pub"
          echo "host key taken from $2"
          exit 0
        }
        if [ -e /run/installer-key/ssh_host_ed25519_key ]; then
          take /run/installer-key/ssh_host_ed25519_key "the initrd"
        fi
        udevadm settle --timeout=30 || true
        if [ -e /dev/disk/by-label/HOMEHIVE-KEY ]; then
          mkdir -p /run/installer-key
          # Stage 1 may hold the whole stick, whose partitions nobody can mount then: a loop device claims nothing.
          loop="$(losetup --read-only --find --show /dev/disk/by-label/HOMEHIVE-KEY)"
          mount -o ro,nosuid,nodev,noexec "$loop" /run/installer-key
          cp /run/installer-key/ssh_host_ed25519_key /run/installer-host-key
          umount /run/installer-key
          losetup --detach "$loop"
          take /run/installer-host-key "the medium"
        fi
        echo "no host key was brought with the medium: sshd makes one up"
      '';
    };

    # What the console shows: where the medium answers, and by which key it is known.
    systemd.services.installer-banner = {
      description = "Show address and host key on the console";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [
        "network-online.target"
        "installer-host-key.service"
        "sshd.service"
      ];
      serviceConfig.Type = "oneshot";
      path = [
        config.programs.ssh.package
        pkgs.coreutils
        pkgs.gawk
        pkgs.iproute2
        pkgs.qrencode
        pkgs.util-linux
      ];
      script = ''
        mkdir -p /run/issue.d
        addresses="$(ip -4 -brief address show scope global | awk '{ sub("/.*", "", $3); print $3 }')"
        fingerprint="$(ssh-keygen -l -E sha256 -f /etc/ssh/ssh_host_ed25519_key.pub | awk '{ print $2 }')"
        {
          echo
          echo "  The installation medium of ${fleet}"
          for address in ''${addresses:-no-address}; do
            echo "  ssh root@$address"
          done
          echo "  host key $fingerprint"
          echo
          for address in $addresses; do
            qrencode -t UTF8 -m 2 "ssh://root@$address#$fingerprint"
          done
        } > /run/issue.d/installer.issue
        agetty --reload || true
      '';
    };

    # What preparing disks and bringing a system needs.
    environment.systemPackages = [
      pkgs.mdadm
      pkgs.lvm2
      pkgs.xfsprogs
      pkgs.e2fsprogs
      pkgs.dosfstools
      pkgs.f2fs-tools
      pkgs.gptfdisk
      pkgs.util-linux
      pkgs.kexec-tools
      pkgs.pciutils
      pkgs.qrencode
    ];
    # LVM checks thin pools and caches with tools of their own.
    services.lvm.boot.thin.enable = true;
    # ZFS wants every machine to have a number. Pools get that of the machine that they are made for.
    boot.supportedFilesystems = lib.mkIf zfs { zfs = lib.mkForce true; };
    networking.hostId = lib.mkIf zfs (lib.mkDefault "686f6d65");
    nix.settings.experimental-features = [
      "nix-command"
      "flakes"
    ];
    # The medium keeps nothing.
    system.stateVersion = lib.mkDefault lib.trivial.release;
  };
}
