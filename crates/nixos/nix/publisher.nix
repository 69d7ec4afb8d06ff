let
  # In memory: gone with a restart of the machine, and made anew.
  run = "/run/homehive-publisher";
  # Nothing in it is secret: it tells where the token lies, which the publisher reads again every minute.
  kubeconfig = pkgs.writeText "homehive-publisher.kubeconfig" ''
    apiVersion: v1
    kind: Config
    current-context: publisher
    clusters:
      - name: home
        cluster:
          server: https://127.0.0.1:6443
          certificate-authority: ${run}/ca.crt
    users:
      - name: homehive-publisher
        user:
          tokenFile: ${run}/token
    contexts:
      - name: publisher
        context:
          cluster: home
          user: homehive-publisher
  '';
in
{
  users.users.homehive-publisher = {
    isSystemUser = true;
    group = "homehive-publisher";
  };
  users.groups.homehive-publisher = { };

  # A token lasts a week and is renewed every day: one that leaks is soon worth nothing, and a machine that was off for
  # long gets its next one when it starts. The account may watch shares and their Services, and nothing else.
  systemd.timers.homehive-publisher-token = {
    wantedBy = [ "timers.target" ];
    timerConfig = {
      OnActiveSec = "1s";
      OnUnitActiveSec = "1d";
    };
  };
  systemd.services.homehive-publisher-token = {
    description = "Renew the token by which the share publisher watches the cluster";
    wants = [ "k3s.service" ];
    after = [ "k3s.service" ];
    onSuccess = [ "homehive-publish-shares.service" ];
    # Until the cluster is up and has the account, it is tried again.
    startLimitIntervalSec = 0;
    path = [
      config.services.k3s.package
      pkgs.coreutils
    ];
    environment.HOME = run;
    script = ''
      install -m 0644 /var/lib/rancher/k3s/server/tls/server-ca.crt ${run}/ca.crt
      k3s kubectl --request-timeout=30s --namespace=samba create token homehive-publisher --duration=168h > ${run}/token.new
      chown homehive-publisher:homehive-publisher ${run}/token.new
      mv ${run}/token.new ${run}/token
    '';
    serviceConfig = {
      Type = "oneshot";
      Restart = "on-failure";
      RestartSec = "10s";
      TimeoutStartSec = "2min";
      RuntimeDirectory = "homehive-publisher";
      RuntimeDirectoryPreserve = true;
      UMask = "0077";
      NoNewPrivileges = true;
      PrivateTmp = true;
      ProtectHome = true;
      ProtectSystem = "strict";
    };
  };

  # Names in the LAN are for the LAN: pods are told nothing.
  services.avahi.denyInterfaces = [
    "cni0"
    "flannel.1"
  ];

  systemd.services.homehive-publish-shares = {
    description = "Publish the cluster's shares on the LAN";
    wants = [ "avahi-daemon.service" ];
    after = [
      "avahi-daemon.service"
      "k3s.service"
    ];
    # Started by its token's unit, when there is one.
    unitConfig.ConditionPathExists = "${run}/token";
    startLimitIntervalSec = 0;
    environment.HOMEHIVE_SHARE_HOST_NAME = share-names;
    serviceConfig = {
      Type = "notify";
      ExecStart = "${homehive-publish-shares}/bin/homehive-publish-shares --kubeconfig ${kubeconfig}";
      Restart = "always";
      RestartSec = "2s";
      WatchdogSec = "60s";
      TimeoutStopSec = "15s";
      User = "homehive-publisher";
      Group = "homehive-publisher";

      # It speaks to the API on this machine and to the bus, and needs nothing else.
      IPAddressAllow = "localhost";
      IPAddressDeny = "any";
      RestrictAddressFamilies = [
        "AF_UNIX"
        "AF_INET"
        "AF_INET6"
      ];
      CapabilityBoundingSet = "";
      NoNewPrivileges = true;
      SystemCallArchitectures = "native";
      SystemCallErrorNumber = "EPERM";
      SystemCallFilter = [
        "@system-service"
        "~@privileged @resources"
      ];
      LockPersonality = true;
      MemoryDenyWriteExecute = true;
      RestrictNamespaces = true;
      RestrictRealtime = true;
      RestrictSUIDSGID = true;
      PrivateDevices = true;
      PrivateTmp = true;
      ProcSubset = "pid";
      ProtectProc = "invisible";
      ProtectClock = true;
      ProtectControlGroups = true;
      ProtectHome = true;
      ProtectHostname = true;
      ProtectKernelLogs = true;
      ProtectKernelModules = true;
      ProtectKernelTunables = true;
      ProtectSystem = "strict";
      UMask = "0077";
      MemoryMax = "64M";
      TasksMax = 16;
    };
  };
}
