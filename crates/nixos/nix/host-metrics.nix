let
  script = pkgs.writeShellScript "host-metrics" (builtins.readFile ./host-metrics.sh);
  own = shares.${config.networking.hostName} or { };
  pairs = lib.mapAttrsToList (name: folder: "${name}=${folder}") own;
in
{
  config = lib.mkIf config.services.k3s.enable {
    systemd.services.host-metrics = {
      description = "Tell Prometheus of write caches and backups";
      path = [
        pkgs.coreutils
        pkgs.findutils
        pkgs.gawk
        pkgs.gnugrep
        pkgs.gnused
        pkgs.lvm2
      ];
      serviceConfig = {
        Type = "oneshot";
        ExecStart = lib.escapeShellArgs ([ script "${directory}/host.prom" ] ++ pairs);
        StateDirectory = lib.removePrefix "/var/lib/" directory;
        StateDirectoryMode = "0755";
        UMask = "0022";
        TimeoutStartSec = "1min";
        # The device mapper answers root alone; shares are read whoever owns what is in them.
        CapabilityBoundingSet = [
          "CAP_SYS_ADMIN"
          "CAP_DAC_READ_SEARCH"
        ];
        DevicePolicy = "closed";
        DeviceAllow = [ "/dev/mapper/control rw" ];
        NoNewPrivileges = true;
        PrivateNetwork = true;
        PrivateTmp = true;
        ProtectHome = true;
        ProtectKernelTunables = true;
        ProtectSystem = "strict";
        RestrictAddressFamilies = "AF_UNIX";
      };
    };
    systemd.timers.host-metrics = {
      description = "Every minute";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnBootSec = "1min";
        OnUnitActiveSec = "1min";
        AccuracySec = "5s";
      };
    };
  };
}
