# What working on homehive needs: Rust, the checkers of ./run-tests.sh, and the tools that tests start.
{ pkgs }:
pkgs.mkShell {
  packages = with pkgs; [
    cargo
    clippy
    rustc
    rustfmt
    cargo-deny
    cargo-insta
    cargo-nextest
    shellcheck
    openssh
    qemu
    mdadm
    lvm2
    xfsprogs
  ];
}
