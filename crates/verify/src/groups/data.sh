# Writes what comes on standard input to a new file in directory $1, reads it back from the disk, prints its SHA-256.
set -eu
umask 077
file=$(mktemp "$1/.homehive-verify.XXXXXXXX")
trap 'rm -f "$file"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
cat >"$file"
sync
# Forget the file's cached pages, so that reading reaches the disk; where dd cannot, all clean pages are forgotten.
dd if="$file" iflag=nocache count=0 2>/dev/null || echo 1 >/proc/sys/vm/drop_caches
hash=$(sha256sum <"$file")
rm "$file"
test ! -e "$file"
printf "%s\n" "${hash%% *}"
