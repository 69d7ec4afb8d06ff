#!/bin/sh
# The static address: `up ADDRESS/BITS [GATEWAY]` gives it to the first interface with a cable in it, `down` takes it away.
# In a lab of several machines there is a second card: QEMU's own network, behind the first, joins none of them to another,
# so neighbours are reached through the second, and only the gateway through the first.
set -u
note=/run/network-interface
# busybox takes its own `ip` whatever PATH says, and that one knows no metrics.
ip=/usr/bin/ip
neighbours() { # $1: the first interface, $2: address, $3: gateway
	for path in /sys/class/net/*; do
		name=${path##*/}
		if [ "$name" = lo ] || [ "$name" = "$1" ] || [ ! -e "$path/device" ]; then continue; fi
		$ip link set "$name" up
		$ip address replace "$2" dev "$name" metric 50
		[ -z "$3" ] || $ip route replace "$3" dev "$1"
		echo "$name" >>$note
		return
	done
}

case ${1:-} in
up)
	address=$2 gateway=${3:-} count=0
	$ip link set lo up
	# Network cards have class 02 00 (PCI Code and ID Assignment Specification): all of them first, or for 30 s.
	cards=$(cat /sys/bus/pci/devices/*/class 2>/dev/null | grep -c '^0x0200')
	while [ "$(cat /sys/class/net/*/device/uevent 2>/dev/null | grep -c '^DRIVER=')" -lt "$cards" ] && [ $count -lt 60 ]; do
		count=$((count + 1))
		sleep 0.5
	done
	count=0
	while [ $count -lt 60 ]; do
		for path in /sys/class/net/*; do
			name=${path##*/}
			if [ "$name" = lo ] || [ ! -e "$path/device" ]; then continue; fi
			$ip link set "$name" up
			[ "$(cat "$path/carrier" 2>/dev/null)" = 1 ] || continue
			$ip address replace "$address" dev "$name" metric 100 || exit 1
			[ -z "$gateway" ] || $ip route replace default via "$gateway" dev "$name" || exit 1
			echo "$name" >$note
			neighbours "$name" "$address" "$gateway"
			exit 0
		done
		count=$((count + 1))
		sleep 0.5
	done
	echo "no interface has a cable after 30 s" >&2
	exit 1
	;;
down)
	[ ! -e $note ] || sort -u $note | while read -r name; do $ip address flush dev "$name" scope global; done
	rm -f $note
	;;
*)
	echo "usage: network up ADDRESS/BITS [GATEWAY] | down" >&2
	exit 2
	;;
esac
