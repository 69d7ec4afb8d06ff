{ config, pkgs, ... }:
let
  # Put there by whoever starts the trial: the seconds that it may take, and on a second line the system on trial.
  marker = "/var/lib/homehive/boot-trial";
in
{
  systemd.services.boot-trial = {
    description = "Reboot unless the system on trial is confirmed";
    wantedBy = [ "sysinit.target" ];
    unitConfig = {
      ConditionPathExists = marker;
      RequiresMountsFor = "/var/lib/homehive";
      # It counts in the emergency shell as well: nobody may be at the console.
      DefaultDependencies = false;
      IgnoreOnIsolate = true;
    };
    # A switch to another system does not disturb a trial.
    restartIfChanged = false;
    path = [
      pkgs.coreutils
      config.systemd.package
    ];
    script = ''
      { read -r seconds && read -r system; } < ${marker} || true
      case "$seconds" in
        "" | *[!0-9]*) seconds=600 ;;
      esac
      # Where another system runs than the one on trial, the trial is over.
      if [ -n "''${system:-}" ] && [ "$system" != "$(readlink -f /run/booted-system)" ]; then
        rm -f ${marker}
        exit 0
      fi
      sleep "$seconds"
      # Confirming it takes the marker away.
      if [ -e ${marker} ]; then
        echo "not confirmed within $seconds seconds: reboots into the last good system"
        rm -f ${marker}
        sync
        systemctl --force reboot
      fi
    '';
  };
}
