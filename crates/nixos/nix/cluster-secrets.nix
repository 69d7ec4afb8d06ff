let
  # Names alone: what is secret is on the machine only, opened by agenix into memory.
  table = pkgs.writeText "cluster-secrets.json" (builtins.toJSON secrets);
  script = pkgs.writeShellScript "cluster-secrets" (builtins.readFile ./cluster-secrets.sh);
in
{
  age.secrets = lib.genAttrs files (name: {
    file = ../secrets + "/${name}.age";
  });

  systemd.services.homehive-secrets = {
    description = "Make the cluster's Secrets from the machine's";
    wantedBy = [ "multi-user.target" ];
    wants = [ "k3s.service" ];
    after = [
      "k3s.service"
      "agenix-install-secrets.service"
    ];
    # A secret that was sealed anew is another file.
    restartTriggers = map (name: config.age.secrets.${name}.file) files;
    path = [
      config.services.k3s.package
      pkgs.coreutils
      pkgs.jq
    ];
    environment = {
      # One of several servers removes what is no longer declared.
      PRUNE = if config.networking.hostName == first then "yes" else "no";
      # For kubectl's cache, which holds no secrets.
      HOME = "/run/homehive-secrets";
    };
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = "${script} ${table}";
      # In memory, for root alone.
      RuntimeDirectory = "homehive-secrets";
      RuntimeDirectoryMode = "0700";
      UMask = "0077";
      # The script gives up after ten minutes.
      TimeoutStartSec = "15min";
      NoNewPrivileges = true;
      PrivateTmp = true;
      ProtectHome = true;
      ProtectSystem = "full";
    };
  };
}
