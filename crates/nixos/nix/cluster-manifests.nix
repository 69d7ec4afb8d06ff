let
  placed = pkgs.linkFarm "cluster-manifests" (
    map (path: {
      name = baseNameOf path;
      inherit path;
    }) manifests
  );
  script = pkgs.writeShellScript "cluster-manifests" (builtins.readFile ./cluster-manifests.sh);
in
{
  systemd.services.homehive-manifests = {
    description = "Place the cluster's manifests where k3s finds them";
    # Without k3s there is nobody to read them; a k3s that runs looks for new files by itself.
    wantedBy = [ "k3s.service" ];
    before = [ "k3s.service" ];
    unitConfig.RequiresMountsFor = [ "/var/lib/rancher" ];
    path = [
      pkgs.coreutils
      pkgs.diffutils
    ];
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = "${script} ${placed} /var/lib/rancher/k3s/server/manifests /var/lib/homehive/manifests";
      StateDirectory = "homehive";
      UMask = "0077";
      TimeoutStartSec = "2min";
      NoNewPrivileges = true;
      PrivateTmp = true;
      ProtectHome = true;
    };
  };
}
