# A medium that answers at one address, to these keys, and to nobody by password.
{
  ip,
  rootSSHKeys,
  prefix,
  gateway,
  nameservers,
}:
{ lib, pkgs, ... }:
{
  isoImage.squashfsCompression = "zstd -Xcompression-level 6";
  networking = {
    hostName = lib.mkDefault "installer";
    useNetworkd = true;
    useDHCP = false;
    networkmanager.enable = lib.mkForce false;
    inherit nameservers;
  };
  systemd.network.networks."10-lan" = {
    # Any real Ethernet port.
    matchConfig = {
      Type = "ether";
      Kind = "!*";
    };
    address = [ "${ip}/${toString prefix}" ];
    gateway = lib.optional (gateway != null) gateway;
  };
  systemd.network.wait-online.anyInterface = true;
  services.openssh = {
    enable = true;
    settings = {
      PasswordAuthentication = false;
      KbdInteractiveAuthentication = false;
      PermitRootLogin = lib.mkForce "prohibit-password";
    };
  };
  # A key file ends with a line break, which no authorized key has.
  users.users.root.openssh.authorizedKeys.keys = map lib.trim rootSSHKeys;
  environment.systemPackages = [
    pkgs.mdadm
    pkgs.lvm2
    pkgs.xfsprogs
    pkgs.gptfdisk
    pkgs.kexec-tools
  ];
}
