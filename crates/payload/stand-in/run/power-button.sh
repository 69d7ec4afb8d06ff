#!/bin/sh
# Waits for the machine's power button, and turns the machine off as a session manager would: there is none here. The
# button shows up when udev has loaded its driver.
event=
while [ -z "$event" ]; do
	for name in /sys/class/input/event*/device/name; do
		[ -e "$name" ] || continue
		read -r called <"$name"
		[ "$called" = "Power Button" ] || continue
		event=${name#/sys/class/input/}
		event=${event%%/*}
	done
	[ -n "$event" ] || sleep 0.5
done
# One event is 24 bytes (struct input_event of a 64-bit kernel); the first one is the button going down.
dd if="/dev/input/$event" of=/dev/null bs=24 count=1 2>/dev/null
exec systemctl --no-block start poweroff.target
