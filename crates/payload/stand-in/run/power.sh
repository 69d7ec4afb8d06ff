#!/bin/sh
# reboot, poweroff, halt: there is no session manager to be asked first, so the word goes to systemd itself.
word=${0##*/}
[ $# -gt 0 ] || exec systemctl --no-block start "$word.target"
exec systemctl "$word" "$@"
