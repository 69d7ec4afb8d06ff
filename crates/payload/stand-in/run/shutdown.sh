#!/bin/sh
# Puts everything to rest before the machine stops: processes, mounts, volume groups, arrays, root.
: "${SYSTEM:?}"
say() {
	read -r up _ </proc/uptime
	echo "shutdown: $* ($up s)" >/dev/console
}
say begins
udevadm control --exit 2>/dev/null
kill -TERM -1
count=0
# Kernel threads have no program. Nothing is started for a look: on a slow machine that would cost more than the wait.
while [ $count -lt 10 ]; do
	alive=
	for path in /proc/[0-9]*; do
		pid=${path#/proc/}
		if [ "$pid" != 1 ] && [ "$pid" != $$ ] && [ -e "$path/exe" ]; then alive=yes; fi
	done
	[ -n "$alive" ] || break
	count=$((count + 1))
	sleep 0.2
done
kill -KILL -1
say "processes have ended"
swapoff -a
sync
say "swap is off, caches are written"
# Last mounted first; root and the kernel's own stay.
awk '$2 != "/" && $2 !~ /^\/(dev|proc|sys|run)(\/|$)/ { print $2 }' /proc/mounts | tac | while read -r path; do
	timeout 60 umount "$(printf '%b' "$path")" || say "$path stays mounted"
done
say "filesystems are unmounted"
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
