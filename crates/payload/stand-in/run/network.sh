#!/bin/sh
# The static address: `up ADDRESS/BITS [GATEWAY]` gives it to the first interface with a cable in it, `down` takes it away.
set -u
note=/run/network-interface
case ${1:-} in
up)
	address=$2 gateway=${3:-} count=0
	ip link set lo up
	while [ $count -lt 60 ]; do
		for path in /sys/class/net/*; do
			name=${path##*/}
			if [ "$name" = lo ] || [ ! -e "$path/device" ]; then continue; fi
			ip link set "$name" up
			[ "$(cat "$path/carrier" 2>/dev/null)" = 1 ] || continue
			ip address replace "$address" dev "$name" || exit 1
			[ -z "$gateway" ] || ip route replace default via "$gateway" dev "$name" || exit 1
			echo "$name" >$note
			exit 0
		done
		count=$((count + 1))
		sleep 0.5
	done
	echo "no interface has a cable after 30 s" >&2
	exit 1
	;;
down)
	[ ! -e $note ] || ip address flush dev "$(cat $note)" scope global
	rm -f $note
	;;
*)
	echo "usage: network up ADDRESS/BITS [GATEWAY] | down" >&2
	exit 2
	;;
esac
