# Makes the subvolumes of a btrfs that are not there yet. Whatever is there stays as it is.
#
# arguments: OPTIONS DEVICE... -- PATH...
set -eu
options=$1
device=$2
shift
# Without its module the kernel knows of no device of any btrfs.
[ -e /dev/btrfs-control ] || modprobe btrfs
while [ "$1" != -- ]; do
    btrfs device scan "$1" >/dev/null
    shift
done
shift
top=$(mktemp -d /run/homehive-btrfs.XXXXXX)
trap 'umount "$top" 2>/dev/null || true; rmdir "$top"' EXIT
trap 'exit 1' HUP INT PIPE TERM
mount -t btrfs -o "$options" -- "$device" "$top"
for path in "$@"; do
    if [ -e "$top/$path" ] || [ -h "$top/$path" ]; then
        # A subvolume's own inode is the first of a tree.
        if [ -h "$top/$path" ] || [ "$(stat -c %i "$top/$path")" != 256 ]; then
            echo "subvolumes.sh: $path is there and is no subvolume" >&2
            exit 1
        fi
        continue
    fi
    case $path in */*) mkdir -p -- "$top/${path%/*}" ;; esac
    btrfs subvolume create "$top/$path" >/dev/null
done
btrfs filesystem sync "$top" >/dev/null
umount "$top"
