# Takes a snapshot of a dataset that has just been made, and notes with it that this is done: without the note, whatever comes
# between, it is done again. A snapshot that is there is the one that was taken.
#
# arguments: DATASET NAME PROPERTY
set -eu
zfs list -H -o name -t snapshot "$1@$2" >/dev/null 2>&1 || zfs snapshot "$1@$2"
zfs set "$3=@$2" "$1"
