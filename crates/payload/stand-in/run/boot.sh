#!/bin/sh
# Brings the system up, once, after PID 1 has started: devices, network, sshd; storage beside them.
: "${SYSTEM:?}"
say() {
	echo "stage 2: $*" >/dev/console
}
mkdir -p /dev/pts /dev/shm
mountpoint -q /dev/pts || mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mountpoint -q /dev/shm || mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
ln -sfn /proc/self/fd /dev/fd
ip link set lo up

mkdir -p /run/udev
/usr/lib/systemd/systemd-udevd --daemon
udevadm trigger --type=subsystems --action=add
udevadm trigger --type=devices --action=add --subsystem-match=pci --subsystem-match=virtio --subsystem-match=net --subsystem-match=usb
udevadm trigger --type=devices --action=add --subsystem-match=block --subsystem-match=nvme --subsystem-match=scsi --subsystem-match=tty --subsystem-match=mem --subsystem-match=misc --subsystem-match=acpi --subsystem-match=hwmon
"$SYSTEM/lib/storage" &

# --- network: the first interface with a cable in it gets the address
read -r address gateway <"$SYSTEM/network"
count=0
while [ $count -lt 60 ]; do
	for path in /sys/class/net/*; do
		name=${path##*/}
		if [ "$name" = lo ] || [ ! -e "$path/device" ]; then continue; fi
		ip link set "$name" up
		[ "$(cat "$path/carrier" 2>/dev/null)" = 1 ] || continue
		ip address replace "$address" dev "$name"
		[ -z "$gateway" ] || ip route replace default via "$gateway" dev "$name"
		echo "$name" >/run/network-interface
		break 2
	done
	count=$((count + 1))
	sleep 0.5
done
[ -e /run/network-interface ] || say "NO NETWORK: no interface has a cable after 30 s"

if [ -e /etc/ssh/ssh_host_ed25519_key ]; then
	mkdir -p /run/sshd
	/usr/sbin/sshd
else
	say "NO SSH: /etc/ssh/ssh_host_ed25519_key is missing; it is written by the installation, never made up here"
fi
say "$(cat /etc/hostname) is up after $(cut -d' ' -f1 /proc/uptime) s"
