#!/bin/busybox sh
# shellcheck shell=dash
# What the lab's installer starts once: devices, its static address, sshd. Host key and address come with the lab.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
lab=/run/lab
mkdir -p /dev/pts /dev/shm /run/sshd /run/lock/lvm /run/lvm /run/udev /run/mdadm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev tmpfs /dev/shm
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /tmp

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

# Devices after the network: a card that is being renamed has no name to give an address to.
/usr/lib/systemd/systemd-udevd --daemon --resolve-names=never
udevadm trigger --type=all --action=add &
/usr/sbin/sshd -f /usr/lib/lab/sshd_config
echo "lab: $name is up"
