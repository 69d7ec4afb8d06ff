# Put before a program that writes to disks, which stands in parentheses behind it; $1 is the lock's FILE, $2 what stands in
# it while we hold it. FILE.steps is held until the program has ended, whatever has become of its connection; what the
# program leaves running in the background is no part of it. See lock.sh.
exec 9>>"$1.steps" || exit 75
if ! flock --shared --nonblock 9 || [ "$(cat "$1")" != "$2" ]; then
	echo "nothing of it was done: the lock on the machine's disks is not ours any more, but that of $(head -n 1 "$1")" >&2
	exit 75
fi
