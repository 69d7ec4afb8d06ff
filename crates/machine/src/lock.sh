# Sent to a machine whose disks are to be written to: sh -c SCRIPT sh FILE SECONDS OWNER
# keeps others out until its input ends, and so with the connection, whatever ends that. See flock(1).
set -eu
exec 8>>"$1"
if ! flock --nonblock 8; then
	echo "busy $(head -n 1 "$1")"
	flock --timeout "$2" 8 || {
		echo "busy $(head -n 1 "$1")"
		exit 75
	}
fi
# Who holds it, for those who wait; the text may outlive the lock and means nothing then.
printf '%s\n' "$3" >"$1"
echo held
exec cat >/dev/null
