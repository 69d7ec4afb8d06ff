#!/bin/sh
# A root shell on a serial line, if the kernel command line asks for one: debug_shell=ttyS1.
: "${TOOLS:?}"
# shellcheck disable=SC2013 # words, not lines
for word in $(cat /proc/cmdline); do
	case $word in
	debug_shell=*)
		tty=${word#*=}
		[ -c "/dev/$tty" ] || exit 0
		cd /root || cd / || exit 1
		# getty sets the line to local: without that, a line that nobody has opened yet ends the shell at once.
		sleep 1
		HOME=/root exec "$TOOLS/bin/getty" -L -n -l /usr/bin/bash 115200 "$tty" linux
		;;
	esac
done
