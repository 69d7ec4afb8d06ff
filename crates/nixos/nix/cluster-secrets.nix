let
  # Names alone: what is secret is on the machine only, opened by agenix into memory.
  table = pkgs.writeText "cluster-secrets.json" (builtins.toJSON secrets);
  script = pkgs.writeShellScript "cluster-secrets" (builtins.readFile ./cluster-secrets.sh);
in
{
  age.secrets = lib.genAttrs files (name: {
    file = ../secrets + "/${name}.age";
  });

  # There even if the cluster has no Secrets: those that it had are to go.
  systemd.services.homehive-secrets = {
    description = "Make the cluster's Secrets from the machine's";
    # Started with k3s, and neither before nor after it: nothing waits for anything, whichever of them is late.
    wantedBy = [
      "multi-user.target"
      "k3s.service"
    ];
    after = [ "agenix-install-secrets.service" ];
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
      # How many seconds a try waits for the cluster's API.
      DEADLINE = "120";
    };
    # Five tries, about twelve minutes; then it has failed, for all to see, until k3s starts anew or a system is activated.
    # The interval is longer than five tries that hang.
    startLimitBurst = 5;
    startLimitIntervalSec = 1800;
    serviceConfig = {
      # Begun is enough for whoever starts it: an activation waits for no API server.
      Type = "exec";
      RemainAfterExit = true;
      ExecStart = "${script} ${table}";
      Restart = "on-failure";
      RestartSec = 30;
      # A try that hangs ends here.
      RuntimeMaxSec = 300;
      TimeoutStopSec = 10;
      # A file that agenix has not opened is not there the next time either.
      RestartPreventExitStatus = 3;
      # In memory, for root alone.
      RuntimeDirectory = "homehive-secrets";
      RuntimeDirectoryMode = "0700";
      UMask = "0077";
      NoNewPrivileges = true;
      PrivateTmp = true;
      ProtectHome = true;
      ProtectSystem = "full";
    };
  };
}
