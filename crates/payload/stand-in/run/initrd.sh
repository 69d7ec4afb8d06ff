#!/bin/sh
# PID 1 of the initrd: finds the root filesystem, assembling arrays and volume groups only if it lies on them, and
# hands over to the system. What it should find comes on the kernel command line:
# root=UUID=… rootfstype=… rootflags=… rd.md.uuid=… rd.lvm.vg=… init=…
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
export MDADM_CONF=/etc/mdadm.conf GROUPS_FILE=/etc/groups
# shellcheck source=/dev/null
. /lib/assemble.sh

say() {
	echo "stage 1: $*" >/dev/console
}
seconds() {
	cut -d. -f1 /proc/uptime
}

root='' type=auto flags='' init=/sbin/init
echo "HOMEHOST <ignore>" >$MDADM_CONF
: >$GROUPS_FILE
set -f
# shellcheck disable=SC2013 # words, not lines
for word in $(cat /proc/cmdline); do
	case $word in
	root=*) root=${word#root=} ;;
	rootfstype=*) type=${word#*=} ;;
	rootflags=*) flags=${word#*=} ;;
	init=*) init=${word#*=} ;;
	rd.md.uuid=*) echo "ARRAY UUID=${word#*=}" >>$MDADM_CONF ;;
	rd.lvm.vg=*) echo "${word#*=}" >>$GROUPS_FILE ;;
	esac
done
set +f

find_root() {
	case $root in
	UUID=*) blkid -l -o device -t "$root" ;;
	/dev/*) [ -b "$root" ] && echo "$root" ;;
	*) return 1 ;;
	esac
}

while read -r module; do modprobe -q "$module"; done </etc/modules.d/now
start=$(seconds) quiet=$(seconds) seen='' device='' forced=''
while :; do
	device=$(find_root) && [ -n "$device" ] && break
	now=$(seconds)
	if [ "$(devices)" != "$seen" ]; then
		seen=$(devices) quiet=$now
	fi
	if grep -q UUID $MDADM_CONF; then
		assemble_whole
		# Members that have not come within 8 s of the last new device are missing.
		if [ -z "$forced" ] && [ $((now - quiet)) -ge 8 ] && ! arrays_up; then
			forced=yes
			assemble_degraded
			report_arrays
		fi
	fi
	activate_groups --sysinit || true
	device=$(find_root) && [ -n "$device" ] && break
	if [ $((now - start)) -ge 90 ]; then
		say "no filesystem $root after 90 s; these block devices are here:"
		blkid >/dev/console
		report_arrays
		say "a shell follows on the console; 'exec switch_root /mnt $init' goes on once root is mounted on /mnt; reboot in 10 minutes"
		(sleep 600 && reboot -f) &
		setsid sh </dev/console >/dev/console 2>&1
	fi
	sleep 0.3
done

case $type in
ext*) e2fsck -p "$device" >/dev/console 2>&1 || [ $? -lt 4 ] || say "e2fsck left errors on $device" ;;
esac
modprobe -q "$type"
# Read-write at once: the filesystem's own log brings it up to date.
if ! mount -t "$type" -o "rw${flags:+,$flags}" "$device" /mnt; then
	say "cannot mount $device ($type) as root; reboot in 60 s"
	sleep 60
	reboot -f
fi
if [ ! -x "/mnt$init" ] && [ ! -L "/mnt$init" ]; then
	say "$init is not on $device; reboot in 60 s, choose another generation"
	sleep 60
	reboot -f
fi
mkdir -p /mnt/dev /mnt/proc /mnt/sys /mnt/run
mount --move /dev /mnt/dev
mount --move /run /mnt/run
umount /sys /proc
exec switch_root /mnt "$init"
