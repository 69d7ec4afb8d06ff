#!/bin/sh
# The last thing before the machine stops (systemd.special(7), systemd-shutdown): processes have ended and filesystems are
# unmounted; puts to rest what they lay on: volume groups, arrays, root.
say() {
	read -r up _ </proc/uptime
	echo "shutdown: $* ($up s)" >/dev/console
}
# Whatever is still there could not be unmounted by those before; last mounted first. Root and the kernel's own stay. The
# kernel writes blanks as three octal digits; `%b` wants a zero before them.
awk '$2 != "/" && $2 !~ /^\/(dev|proc|sys|run)(\/|$)/ { print $2 }' /proc/mounts | tac | sed 's/\\/\\0/g' | while read -r path; do
	path=$(printf '%b' "$path")
	timeout 60 umount "$path" || say "$path stays mounted"
done
while read -r group; do
	[ -z "$group" ] || timeout 60 lvm vgchange --noudevsync --activate n "$group" >/dev/null 2>&1 </dev/null || say "volume group $group stays active"
done </etc/lvm/groups
for md in /sys/block/md*; do
	[ -e "$md/md/array_state" ] || continue
	case $(cat "$md/md/array_state") in clear | inactive) continue ;; esac
	timeout 60 mdadm --wait-clean "/dev/${md##*/}" 2>/dev/null
	timeout 60 mdadm --stop "/dev/${md##*/}" 2>/dev/null || say "${md##*/} is not stopped"
done
mount -o remount,ro / 2>/dev/null || say "root stays writable"
sync
say "all is at rest"
