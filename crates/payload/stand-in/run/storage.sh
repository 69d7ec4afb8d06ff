#!/bin/sh
# Arrays, volume groups, swap and mounts of the running system. Nothing here can stop the machine: what does not come is
# said on the console and left out.
: "${LIB:?}"
export MDADM_CONF=/etc/mdadm/mdadm.conf GROUPS_FILE=/etc/lvm/groups
# shellcheck source=/dev/null
. "$LIB/assemble.sh"
say() {
	echo "stage 2: $*" >/dev/console
}
seconds() {
	cut -d. -f1 /proc/uptime
}
udevadm settle --timeout=60
start=$(seconds) quiet=$(seconds) seen='' groups=''
while ! arrays_up; do
	assemble_whole
	arrays_up && break
	now=$(seconds)
	if [ "$(devices)" != "$seen" ]; then
		seen=$(devices) quiet=$now
	fi
	# Members that have not come within 8 s of the last new device are missing.
	if [ $((now - quiet)) -ge 8 ] || [ $((now - start)) -ge 60 ]; then
		assemble_degraded
		break
	fi
	sleep 1
done
report_arrays
while [ "$groups" != up ]; do
	activate_groups && groups=up
	[ "$groups" = up ] || [ $(($(seconds) - start)) -lt 90 ] || break
	[ "$groups" = up ] || sleep 1
done
if [ "$groups" != up ]; then
	say "NOT EVERY VOLUME GROUP IS ACTIVE:"
	while read -r group; do
		lvm vgchange --activate y "$group" 2>&1 </dev/null | while read -r line; do say "$line"; done
	done <"$GROUPS_FILE"
fi
udevadm settle --timeout=30

awk '$1 !~ /^#/ && $3 == "swap" { print $1 }' /etc/fstab | while read -r device; do
	swapon "$device" || say "swap $device is not there"
done
# In the order of the file, which is parents first; root is mounted already.
awk '$1 !~ /^#/ && NF >= 4 && $2 != "/" && $3 != "swap" { print $1, $2, $3 }' /etc/fstab | while read -r device path format; do
	# fstab writes blanks as three octal digits; `%b` wants a zero before them.
	path=$(printf '%b' "$(printf %s "$path" | sed 's/\\/\\0/g')")
	mountpoint -q "$path" && continue
	mkdir -p "$path"
	node=/dev/disk/by-uuid/${device#UUID=}
	# What is in memory has no device to come.
	case $device in UUID=*)
		count=0
		until [ -e "$node" ]; do
			count=$((count + 1))
			[ $count -lt 30 ] || break
			sleep 1
		done
		;;
	esac
	case $format in ext*) e2fsck -p "$node" >/dev/null || [ $? -lt 4 ] || say "e2fsck left errors for $path" ;; esac
	timeout 300 mount "$path" || say "$path IS NOT MOUNTED: $device"
done
cut -d' ' -f1 /proc/uptime >/run/storage-ready.new
mv /run/storage-ready.new /run/storage-ready
say "storage is up after $(cat /run/storage-ready) s"
