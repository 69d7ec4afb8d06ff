#!/bin/busybox sh
# shellcheck shell=dash
# What the lab's installer starts once: devices, its static address, sshd. Host key and address come with the lab.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
lab=/run/lab
mkdir -p /dev/pts /dev/shm /run/sshd /run/lock/lvm /run/lvm /run/udev /run/mdadm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev tmpfs /dev/shm
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /tmp

# The medium's own mark, which ZFS leaves in each pool that it imports: 8425e349, as on NixOS' media. An installed system
# has another one, so a pool that the medium did not export is one of another host to it, as it is at home.
printf '\111\343\045\204' >/etc/hostid
read -r name <"$lab/hostname"
hostname "$name"
printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$name" >/etc/hosts
modprobe virtio_net
ip link set lo up
for device in /sys/class/net/*/device; do
    device=$(basename "$(dirname "$device")")
    read -r address <"$lab/address"
    ip link set "$device" up
    ip address add "$address" dev "$device"
    if [ -s "$lab/gateway" ]; then
        read -r gateway <"$lab/gateway"
        ip route add default via "$gateway"
    fi
    break
done

# Only the image of a lab with ZFS has it. No pool is imported by that.
modprobe -q zfs
# Devices after the network: a card that is being renamed has no name to give an address to.
/usr/lib/systemd/systemd-udevd --daemon --resolve-names=never
udevadm trigger --type=all --action=add &
# Who comes in wants to see every disk of the machine: a USB stick takes a second longer than the rest.
read -r disks <"$lab/disks"
tries=0
while
    count=0
    for disk in /sys/block/sd* /sys/block/nvme*n* /sys/block/vd*; do
        [ ! -e "$disk" ] || [ "$(cat "$disk/serial" 2>/dev/null)" = homehive-medium ] || count=$((count + 1))
    done
    [ "$count" -lt "$disks" ] && [ "$tries" -lt 300 ]
do
    tries=$((tries + 1))
    sleep 0.1
done
[ "$count" -ge "$disks" ] || echo "lab: only $count of $disks disks came up"
udevadm settle --timeout=60
/usr/sbin/sshd -f /usr/lib/lab/sshd_config
echo "lab: $name is up"
