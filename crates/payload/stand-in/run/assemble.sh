#!/bin/sh
# Arrays and volume groups, in the initrd (when root needs them) and in the running system (for all others).
# Needs: say TEXT, MDADM_CONF, GROUPS_FILE (one volume group a line). `mdadm` starts an array that lacks members only
# in `assemble_degraded`.

# Block devices of the kernel; a change means that the hardware is still arriving.
devices() {
	ls /sys/class/block
}

# 0 if every array of the configuration runs.
arrays_up() {
	while read -r keyword uuid; do
		[ "$keyword" = ARRAY ] || continue
		uuid=${uuid##*UUID=}
		array_runs "${uuid%% *}" || return 1
	done <"$MDADM_CONF"
}

array_runs() { # $1: UUID as mdadm writes it
	for md in /sys/block/md*/md; do
		[ -e "$md/array_state" ] || continue
		case $(cat "$md/array_state") in clear | inactive) continue ;; esac
		name=${md%/md}
		if mdadm --detail --export "/dev/${name##*/}" 2>/dev/null | grep -q "^MD_UUID=$1\$"; then return 0; fi
	done
	return 1
}

# An array that was put together but not started holds its members, and nothing else can be done with them.
stop_unstarted() {
	for md in /sys/block/md*/md; do
		[ -e "$md/array_state" ] || continue
		case $(cat "$md/array_state") in clear | inactive) ;; *) continue ;; esac
		name=${md%/md}
		mdadm --stop "/dev/${name##*/}" >/dev/null 2>&1 || true
	done
}

assemble_whole() {
	stop_unstarted
	mdadm --assemble --scan --no-degraded --config "$MDADM_CONF" >/dev/null 2>&1 || true
}

# Starts what can run without the missing members, and says which array that is.
assemble_degraded() {
	stop_unstarted
	mdadm --assemble --scan --run --config "$MDADM_CONF" 2>&1 | while read -r line; do say "$line"; done
}

report_arrays() {
	for md in /sys/block/md*/md; do
		[ -e "$md/array_state" ] || continue
		name=${md%/md}
		name=${name##*/}
		missing=$(cat "$md/degraded" 2>/dev/null || echo 0)
		[ "${missing:-0}" = 0 ] || say "ARRAY $name IS DEGRADED: $missing of its members missing; its data is one failure nearer to loss. Look: mdadm --detail /dev/$name"
	done
	while read -r keyword uuid; do
		[ "$keyword" = ARRAY ] || continue
		uuid=${uuid##*UUID=}
		uuid=${uuid%% *}
		array_runs "$uuid" || say "ARRAY $uuid DOES NOT RUN. An array that lost members and was not shut down cleanly is not started by itself: look at its members with mdadm --examine, then mdadm --assemble --run --force"
	done <"$MDADM_CONF"
}

# 0 if every volume group of the list is active. $@: more arguments for vgchange.
activate_groups() {
	result=0
	while read -r group; do
		[ -n "$group" ] || continue
		lvm vgchange --activate y --quiet --quiet "$@" "$group" >/dev/null 2>&1 </dev/null || result=1
	done <"$GROUPS_FILE"
	return $result
}
