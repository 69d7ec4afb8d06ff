#!/bin/sh
# What a deployment has to know of a machine, as lines of a key and its value. It only looks.
profiles=/nix/var/nix/profiles
say() {
	printf '%s %s\n' "$1" "$2"
}
say profile "$(readlink $profiles/system)"
say current "$(readlink -f /run/current-system)"
say booted "$(readlink -f /run/booted-system)"
for link in "$profiles"/system-*-link; do
	[ -L "$link" ] || continue
	say generation "${link##*/} $(stat -c %Y "$link") $(readlink -f "$link")"
done
say boot-id "$(cat /proc/sys/kernel/random/boot_id)"
systemctl list-units --failed --plain --no-legend --full 2>/dev/null | while read -r unit _; do say failed "$unit"; done
sed -n 's/^\([a-z]*\) \(.*\)$/outcome-\1 \2/p' /var/lib/homehive/outcome 2>/dev/null
[ ! -e /var/lib/homehive/menu-unsettled ] || say menu unsettled
sed -n 's/^/taken-back /p' /var/lib/homehive/taken-back 2>/dev/null
sed -n 's/^\([a-z]*\) \(.*\)$/trial-\1 \2/p' /var/lib/homehive/boot-trial 2>/dev/null
exit 0
