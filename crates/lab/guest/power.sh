#!/bin/busybox sh
# shellcheck shell=dash
# Waits for the machine's power button and turns the guest off. The button shows up when udev has loaded its driver.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
event=
while [ -z "$event" ]; do
    for name in /sys/class/input/event*/device/name; do
        [ -e "$name" ] || continue
        read -r called <"$name"
        [ "$called" = "Power Button" ] && event=$(basename "$(dirname "$(dirname "$name")")")
    done
    [ -n "$event" ] || sleep 0.5
done
# One event is 24 bytes (struct input_event); the first one is the button going down.
dd if="/dev/input/$event" of=/dev/null bs=24 count=1 2>/dev/null && exec poweroff
