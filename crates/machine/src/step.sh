# Put before a program that writes to disks, which stands in parentheses behind it; $1 is the lock's FILE, $2 what stands in
# it while we hold it. FILE.steps is held until the program has ended, whatever has become of its connection; what the
# program leaves running in the background is no part of it. See lock.sh.
exec 9>>"$1.steps" || exit 75
owner='' session=''
if ! flock --shared --nonblock 9 || ! { read -r owner && read -r session; } <"$1" || [ "$owner
$session" != "$2" ]; then
	read -r owner <"$1"
	echo "nothing of it was done: the lock on the machine's disks is not ours any more, but that of $owner" >&2
	exit 75
fi
