# Runs a command that wants its key in a file.
# The key comes from standard input. The file is in memory, and has no name by the time that anything is in it: so nothing is
# left of it, whatever happens.
#
# arguments: COMMAND WORD…, which finds the key at /proc/self/fd/3
set -eu
umask 077
[ "$(stat -f -c %T /dev/shm)" = tmpfs ] || {
    echo 'fed: /dev/shm is not in memory, and the key goes nowhere else' >&2
    exit 1
}
key=$(mktemp /dev/shm/homehive.XXXXXXXX)
exec 3<>"$key"
rm -f "$key"
cat >&3
exec "$@"
