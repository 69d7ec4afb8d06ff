# force ARRAY UUID begun BEGUN MEMBER… | force ARRAY UUID - MEMBER…: starts an array that was cut off while something was
# being written and members were missing. udev would put members back into it one by one meanwhile, so its queue stands
# still; however this ends, it goes on.
set -eu
array=$1
uuid=$2
begun=$3
shift 3
udevadm settle --timeout=60
trap 'udevadm control --start-exec-queue' EXIT
trap 'exit 1' HUP INT PIPE TERM
udevadm control --stop-exec-queue
if [ "$begun" = begun ]; then
    [ ! -b "$1" ] || mdadm --quiet --stop "$1"
    shift
fi
mdadm --assemble --run --force --quiet "$array" "--uuid=$uuid" "$@"
