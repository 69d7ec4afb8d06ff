#!/bin/sh
# Run by mmdebstrap on the tree ($1) that has ZFS: no pool is imported, mounted or shared by itself when it boots, and the
# module is where modprobe looks for it.
set -eu
root=$1
chroot "$root" depmod "$(ls "$root/usr/lib/modules")"
find "$root"/etc/systemd/system -name 'zfs*' -delete
rm -f "$root"/etc/cron.d/zfsutils-linux "$root"/etc/init.d/zfs-* "$root"/etc/rc?.d/*zfs-*
# Each medium and each installed machine has its own.
rm -f "$root"/etc/hostid
