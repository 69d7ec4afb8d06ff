#!/bin/sh
# PID 1 of the system: makes the root whole, then becomes systemd, which keeps it running.
: "${SYSTEM:?}"
mountpoint -q /proc || mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sysfs /sys
mountpoint -q /dev || mount -t devtmpfs devtmpfs /dev
mountpoint -q /run || mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
mount -o remount,suid,mode=755 /run # sudo's wrapper lies there
# A rehearsal: without its first process the kernel panics.
[ ! -e "$SYSTEM/panics" ] || exit 1
"$SYSTEM/activate" boot || echo "stage 2: activation failed" >/dev/console
ln -sfn "$SYSTEM" /run/booted-system
exec /usr/lib/systemd/systemd
