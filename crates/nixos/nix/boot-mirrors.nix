let
  program = pkgs.writeShellScriptBin "homehive-boot-mirrors" ''
    export PATH=${
      lib.makeBinPath [
        pkgs.coreutils
        pkgs.diffutils
        pkgs.findutils
        pkgs.gnugrep
        pkgs.util-linux
      ]
    }
    exec ${pkgs.runtimeShell} ${pkgs.writeText "boot-mirrors.sh" (builtins.readFile ../../modules/boot-mirrors.sh)} \
      "$1" ${lib.escapeShellArgs ([ from ] ++ mirrors)}
  '';
  # Told once, and again when it changes.
  upkeep = pkgs.writeShellScript "boot-mirrors-upkeep" ''
    ${program}/bin/homehive-boot-mirrors sync
    cd /var/lib/homehive-boot-mirrors || exit 1
    ${program}/bin/homehive-boot-mirrors check >now
    alert=/run/current-system/sw/bin/alert
    if [ ! -s now ] || ${pkgs.diffutils}/bin/cmp --silent now told || [ ! -x $alert ] || $alert "boot mirrors" <now; then
      ${pkgs.coreutils}/bin/mv now told
    fi
  '';
in
{
  # Each new boot menu goes to the mirrors before the deployment that wrote it has ended.
  boot.loader.systemd-boot.extraInstallCommands = ''
    ${program}/bin/homehive-boot-mirrors sync
  '';
  # `homehive status` asks it.
  environment.systemPackages = [ program ];
  # A mirror on a new disk is filled, and one that is not in step is told of.
  systemd.services.homehive-boot-mirrors = {
    description = "Keep the EFI system partitions in step";
    serviceConfig = {
      Type = "oneshot";
      StateDirectory = "homehive-boot-mirrors";
      UMask = "0077";
      TimeoutStartSec = "15min";
      ExecStart = upkeep;
    };
  };
  systemd.timers.homehive-boot-mirrors = {
    wantedBy = [ "timers.target" ];
    timerConfig = {
      OnBootSec = "5min";
      OnUnitActiveSec = "1h";
    };
  };
}
