#!/bin/busybox sh
# shellcheck shell=dash
# First process of the lab's installer: mounts the read-only system under a writable layer in memory, and hands over.
export PATH=/bin
fail() {
    echo "lab: $*, the guest stops here"
    exec /bin/busybox sh
}
/bin/busybox mkdir -p /proc /sys /dev /lower /rw /new
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
while read -r module; do
    insmod "/modules/$module" || echo "lab: module $module does not load"
done </modules/order

# Started by kexec the system lies in memory. Otherwise it is the virtio disk with this serial; sysfs shows it as soon as
# the disk is there.
medium=
options=ro
tries=0
[ ! -e /installer.squashfs ] || { medium=/installer.squashfs && options=ro,loop; }
while [ -z "$medium" ]; do
    for serial in /sys/block/vd*/serial; do
        [ -e "$serial" ] && [ "$(cat "$serial")" = homehive-medium ] && medium=/dev/$(basename "$(dirname "$serial")")
    done
    tries=$((tries + 1))
    [ -n "$medium" ] || { [ "$tries" -lt 300 ] && sleep 0.1; } || fail "no disk with the serial homehive-medium came up"
done
mount -t squashfs -o "$options" "$medium" /lower || fail "the system on $medium cannot be mounted"
mount -t tmpfs -o mode=0755,size=75% tmpfs /rw || fail "no memory file system"
mkdir /rw/upper /rw/work
mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work overlay /new || fail "no overlay"
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /new/run
cp -a /lab /new/run/lab
mkdir -p /new/usr/lib/lab
cp -a /stage2/. /new/usr/lib/lab/
ln -s /usr/lib/lab/inittab /new/etc/inittab
for name in poweroff reboot halt; do ln -sf /usr/bin/busybox "/new/usr/sbin/$name"; done
for place in proc sys dev; do mount -o move "/$place" "/new/$place"; done
exec switch_root /new /usr/bin/busybox init
