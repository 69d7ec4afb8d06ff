#!/bin/sh
# Says on the console that the system is up, or what keeps people out.
say() {
	echo "stage 2: $*" >/dev/console
}
[ -e /run/network-interface ] || say "NO NETWORK: no interface has a cable"
[ -e /etc/ssh/ssh_host_ed25519_key ] ||
	say "NO SSH: /etc/ssh/ssh_host_ed25519_key is missing; it is written by the installation, never made up here"
say "$(cat /etc/hostname) is up after $(cut -d' ' -f1 /proc/uptime) s"
