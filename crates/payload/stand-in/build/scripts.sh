#!/bin/sh
# Builds `scripts`: what the units run. A path of its own, so that a unit changes only when what it runs does.
set -eu
: "${out:?}" "${tools:?}" "${devices:?}" "${network:?}" "${storage:?}" "${assemble:?}" "${shutdown:?}" "${debug:?}" "${demo:?}" "${announce:?}" "${button:?}" "${trial:?}"
umask 022
mkdir -p "$out"
script() { # $1: source, $2: name
	{
		printf '#!%s/bin/busybox sh\n' "$tools"
		printf 'TOOLS=%s\nLIB=%s\n' "$tools" "$out"
		printf 'PATH=/usr/sbin:/usr/bin:%s/bin\nexport PATH TOOLS LIB\n' "$tools"
		sed 1d "$1"
	} >"$out/$2"
	chmod 555 "$out/$2"
}
script "$devices" devices
script "$network" network
script "$storage" storage
script "$shutdown" shutdown
script "$debug" debug-shell
script "$demo" demo
script "$announce" announce
script "$button" power-button
script "$trial" boot-trial
cp "$assemble" "$out/assemble.sh"
