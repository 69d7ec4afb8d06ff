#!/bin/sh
# Judges a boot trial. Runs at every boot that finds the marker /var/lib/homehive/boot-trial: if another system than the
# one on trial came up, the trial has failed; if the one on trial did, somebody has to confirm it in time (by taking the
# marker away), or the machine reboots into its default, which is the system before.
set -u
dir=/var/lib/homehive
marker=$dir/boot-trial
field() { # $1: a key of the marker
	sed -n "s/^$1 //p" "$marker" 2>/dev/null
}
over() { # $1: what happened. One rename decides between this and whoever confirms the trial at this moment.
	id=$(field id)
	generation=$(field generation)
	# What cannot be renamed and is still there, nobody confirms either.
	mv "$marker" "$marker.over" 2>/dev/null || [ -e "$marker" ] || exit 0
	printf 'id %s\nat %s\nwhy %s\n' "$id" "$(date +%s)" "$1" >$dir/outcome.new
	mv $dir/outcome.new $dir/outcome
	[ -z "$generation" ] || printf '%s %s\n' "$generation" "$system" >>$dir/taken-back
	rm -f "$marker.over"
	sync
}
again() {
	systemctl reboot || systemctl reboot --force
}
[ -e "$marker" ] || exit 0
system=$(field system)
seconds=$(field seconds)
booted=$(readlink -f /run/booted-system)
if [ -z "$system" ] || [ -z "$seconds" ]; then
	over "its marker does not say what is on trial, and for how long"
	# What runs may be on trial; the default is not. But one that stays would have that start again and again.
	[ -e "$marker" ] || again
	exit 0
fi
if [ "$booted" != "$system" ]; then
	over "it did not come up: the machine booted $booted instead"
	exit 0
fi
# Seconds since the kernel started.
while [ -e "$marker" ]; do
	read -r up _ </proc/uptime
	[ "${up%.*}" -lt "$seconds" ] || break
	sleep 1
done
[ -e "$marker" ] || exit 0
over "it came up, but nobody confirmed it within $seconds s"
again
