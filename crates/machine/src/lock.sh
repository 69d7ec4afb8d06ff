# Sent to a machine whose disks are to be written to: sh -c SCRIPT sh FILE SECONDS SILENCE OWNER
# keeps others out until its input ends or is silent for SILENCE seconds, for a connection that was cut may take hours to
# end here. FILE.steps is held, shared, by every step that runs (step.sh): a step may outlive its connection. See flock(1).
set -eu
file=$1 seconds=$2 silence=$3 owner=$4
exec 8>>"$file" 9>>"$file.steps"
# Somebody has it: status 1. Any other is flock's own failure.
locked() {
	status=0
	flock "$@" || status=$?
	[ "$status" -le 1 ] || exit "$status"
	return "$status"
}
locked --nonblock 8 || {
	echo "busy $(head -n 1 "$file")"
	locked --timeout "$seconds" 8 || {
		echo "busy $(head -n 1 "$file")"
		exit 75
	}
}
# Who holds it, for those who wait and for steps: from here on none of another begins.
before='' session=''
{ read -r before && read -r session; } <"$file" || :
printf '%s\n%s\n' "$owner" "$$" >"$file"
locked --nonblock 9 || {
	left="busy a step that $before has left behind"
	echo "$left"
	locked --timeout "$seconds" 9 || {
		printf '%s\n%s\n' "$before" "$session" >"$file"
		echo "$left"
		exit 75
	}
}
exec 9>&-
echo "held $$"
while [ -n "$(exec 8>&- && timeout "$silence" head -c 1)" ]; do :; done
