#!/bin/sh
# Run by mmdebstrap on a tree ($1) with a compiler and the headers of the guest's kernel, HOMEHIVE_KERNEL: builds ZFS'
# modules from Debian's source and leaves them in /zfs.tar, as they lie in a root filesystem. Nothing else is kept. The
# source is taken without its package manager's wrapper (dkms), which would build for the kernel that runs here.
set -eu
root=$1
chroot "$root" apt-get -q download zfs-dkms >&2
dpkg-deb -x "$root"/zfs-dkms_*.deb "$root"
cat >"$root/build-zfs" <<'BUILD'
set -eu
cd /usr/src/zfs-*
# Debug information would be thrown away, and takes a third of the time.
export KCFLAGS=-g0
headers=/usr/src/linux-headers-$HOMEHIVE_KERNEL
# Debian's headers are in two places: what all flavours share, and what is this one's own.
./configure --quiet --with-config=kernel --with-linux="${headers%-*}-common" --with-linux-obj="$headers" >/configure.log 2>&1 ||
    { tail -n 20 /configure.log >&2; exit 1; }
make --silent -j"$(nproc)" >/make.log 2>&1 || { tail -n 20 /make.log >&2; exit 1; }
place=/made/usr/lib/modules/$HOMEHIVE_KERNEL/updates
mkdir -p "$place"
find module -name '*.ko' -exec cp -t "$place" {} +
strip --strip-debug "$place"/*.ko
test -e "$place/zfs.ko"
tar -C /made --owner=0 --group=0 --sort=name --mtime=@0 -cf /zfs.tar usr
BUILD
chroot "$root" nice sh /build-zfs
