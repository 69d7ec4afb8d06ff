let
  # alert SUBJECT, with the text on standard input: to the journal always, by mail where a mail server is known.
  alert = pkgs.writeShellScriptBin "alert" ''
    # mdadm's monitor is a unit of its package, and has no programs in its PATH.
    subject="${config.networking.hostName}: $1"
    body="$(${pkgs.coreutils}/bin/cat)"
    printf '%s\n%s\n' "$subject" "$body" | ${pkgs.util-linux}/bin/logger --tag alert --priority daemon.alert
    if [ -x /run/wrappers/bin/sendmail ]; then
      printf 'From: %s\nTo: %s\nSubject: %s\n\n%s\n' ${lib.escapeShellArg sender} ${lib.escapeShellArg recipient} "$subject" "$body" \
        | /run/wrappers/bin/sendmail -i ${lib.escapeShellArg recipient}
    fi
  '';
  # smartd(8) hands over a whole mail, and its subject in a variable.
  smartAlert = pkgs.writeShellScript "smart-alert" ''
    exec ${alert}/bin/alert "SMART: $SMARTD_SUBJECT"
  '';
  # mdadm(8): the event, the array, and the disk if there is one.
  raidAlert = pkgs.writeShellScript "raid-alert" ''
    case "$1" in
      RebuildStarted | Rebuild[0-9]* | NewArray) exit 0 ;;
    esac
    { echo "$1 on $2 ''${3:-}"; ${pkgs.coreutils}/bin/cat /proc/mdstat; } | ${alert}/bin/alert "RAID: $1 on $2"
  '';
  # Filesystems that are to be mounted; those of the system itself are made by NixOS.
  mounts = lib.filterAttrs (_: mount: lib.hasPrefix "/dev/" (toString mount.device)) config.fileSystems;
  filesystemAlert = pkgs.writeShellScript "filesystem-alert" ''
    export PATH=${
      lib.makeBinPath [
        pkgs.coreutils
        pkgs.diffutils
        pkgs.gnugrep
        pkgs.util-linux
        config.systemd.package
      ]
    }
    cd /var/lib/filesystem-alert || exit 1
    {
      for mount in ${lib.escapeShellArgs (lib.attrNames mounts)}; do
        if ! options="$(findmnt --noheadings --output OPTIONS --mountpoint "$mount")"; then
          echo "$mount is not mounted"
          continue
        fi
        case ",$options," in
          *,ro,*) echo "$mount is read-only" ;;
        esac
        used="$(df --output=pcent "$mount" | tail -n 1 | tr -d ' %')"
        if [ "$used" -ge 90 ]; then echo "$mount is full to 90 % or more"; fi
      done
      for file in /sys/fs/ext4/*/errors_count; do
        if [ -e "$file" ] && [ "$(cat "$file")" != 0 ]; then echo "ext4 found errors: $file"; fi
      done
      journalctl --dmesg --boot --quiet --output cat \
        | grep -E 'XFS .*([Cc]orruption|[Ss]hut.*[Dd]own|I/O [Ee]rror)|EXT4-fs error' | sort --unique | head -n 20
    } > now || true
    # Told once, and again when it changes; a mail that did not go out is tried again.
    if [ ! -s now ] || cmp --silent now told || ${alert}/bin/alert "filesystems" < now; then
      mv now told
    fi
  '';
in
{
  environment.systemPackages = [ alert ];

  services.smartd = {
    enable = true;
    # A machine without a disk that knows SMART is none in trouble.
    extraOptions = [ "--quit=never" ];
    # A short test every night, a long one every Saturday.
    defaults.monitored = "-a -o on -s (S/../.././02|L/../../6/03)";
    notifications.mail = {
      enable = true;
      inherit recipient sender;
      mailer = "${smartAlert}";
    };
  };

  boot.swraid.mdadmConf = ''
    PROGRAM ${raidAlert}
  '';

  systemd.services.filesystem-alert = {
    description = "Tell of filesystems that are missing, read-only, full or damaged";
    serviceConfig = {
      Type = "oneshot";
      StateDirectory = "filesystem-alert";
      ExecStart = filesystemAlert;
    };
  };
  systemd.timers.filesystem-alert = {
    wantedBy = [ "timers.target" ];
    timerConfig = {
      OnBootSec = "5min";
      OnUnitActiveSec = "15min";
    };
  };
}
