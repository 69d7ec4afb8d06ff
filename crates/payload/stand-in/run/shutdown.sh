#!/bin/sh
# Puts everything to rest before the machine stops: processes, mounts, volume groups, arrays, root.
: "${SYSTEM:?}"
say() {
	echo "shutdown: $*" >/dev/console
}
say begins
udevadm control --exit 2>/dev/null
kill -TERM -1
count=0
# Kernel threads have no command line.
while [ $count -lt 20 ]; do
	alive=
	for path in /proc/[0-9]*; do
		pid=${path#/proc/}
		[ "$pid" = 1 ] || [ "$pid" = $$ ] || [ -z "$(tr -d '\0' 2>/dev/null <"$path/cmdline")" ] || alive="$alive $pid"
	done
	[ -n "$alive" ] || break
	count=$((count + 1))
	sleep 0.2
done
kill -KILL -1
swapoff -a
sync
# Last mounted first; root and the kernel's own stay.
awk '$2 != "/" && $2 !~ /^\/(dev|proc|sys|run)(\/|$)/ { print $2 }' /proc/mounts | tac | while read -r path; do
	timeout 60 umount "$(printf '%b' "$path")" || say "$path stays mounted"
done
while read -r group; do
	[ -z "$group" ] || timeout 60 lvm vgchange --noudevsync --activate n "$group" >/dev/null 2>&1 </dev/null || say "volume group $group stays active"
done <"$SYSTEM/etc/lvm/groups"
for md in /sys/block/md*; do
	[ -e "$md/md/array_state" ] || continue
	timeout 60 mdadm --wait-clean "/dev/${md##*/}" 2>/dev/null
	timeout 60 mdadm --stop "/dev/${md##*/}" 2>/dev/null || say "${md##*/} is not stopped"
done
mount -o remount,ro / || say "root stays writable"
sync
say "all is at rest"
