# Hands the share publisher, built for the machine, to the modules of a rendered fleet.
{ pkgs, ... }:
{
  _module.args.homehive-publish-shares = pkgs.callPackage ./publish-shares.nix { };
}
