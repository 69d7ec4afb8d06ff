#!/bin/sh
# Makes the lab's NAS disks blank again, whatever of the layout stands on them. For virtual disks: it asks nothing.
set -eu

umount --recursive /mnt 2>/dev/null || true
vgchange --quiet --activate n nas >/dev/null 2>&1 || true
vgremove --quiet --quiet --force --force --yes nas >/dev/null 2>&1 || true
[ ! -e /dev/md/nas ] || mdadm --quiet --stop /dev/md/nas
id=/dev/disk/by-id
for disk in "$id"/usb-QEMU_QEMU_HARDDISK_4C530001230415117295-0:0 "$id"/nvme-QEMU_NVMe_Ctrl_S4EWNX0R512347K \
    "$id"/ata-QEMU_HARDDISK_WD-WX*; do
    for device in "$disk"-part* "$disk"; do
        [ -e "$device" ] || continue
        wipefs --all --quiet "$device"
        dd if=/dev/zero "of=$device" bs=1048576 count=1 conv=notrunc,fsync status=none
    done
    partx --delete "$disk" 2>/dev/null || true
done
sync
udevadm settle
