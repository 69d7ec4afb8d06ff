# Takes down what stands on the named devices and wipes them.
#
# arguments: GROUP… -- DEVICE…
set -eu

# Ends what the kernel has built on a block device and its partitions, the topmost first. Whatever is mounted refuses by itself.
take_down() {
    for holder in "/sys/class/block/$1/holders/"* "/sys/class/block/$1/$1"*/holders/*; do
        [ -e "$holder" ] || continue
        holder=${holder##*/}
        (take_down "$holder")
        [ -e "/sys/class/block/$holder" ] || continue
        case $holder in
        dm-*) dmsetup remove "/dev/$holder" ;;
        md*) mdadm --quiet --stop "/dev/$holder" ;;
        *) echo "wipe.sh: cannot take down $holder, which stands on $1" >&2 && exit 1 ;;
        esac
    done
}

wipe() {
    take_down "${1##*/}"
    wipefs --all --quiet "$1"
    # Also what no tool knows: a first MiB of zeroes is what counts as blank. And the last, where ZFS keeps two of its four
    # labels: of those wipefs clears marks only, and a pool that is long gone would be found again.
    read -r sectors <"/sys/class/block/${1##*/}/size"
    bytes=$((sectors * 512))
    length=$((bytes < 1048576 ? bytes : 1048576))
    for offset in 0 $((bytes - length)); do
        dd if=/dev/zero "of=$1" bs=65536 "seek=$offset" "count=$length" iflag=count_bytes oflag=seek_bytes \
            conv=notrunc,nocreat,fsync status=none
    done
    sync "$1"
}

# What stands on its volumes first: a group whose volumes are in use is not let go.
remove_group() {
    for volume in "/dev/$1/"*; do
        [ -e "$volume" ] || continue
        volume=$(readlink -f "$volume")
        take_down "${volume##*/}"
    done
    vgchange --quiet --activate n "$1" >&2
    vgremove --quiet --quiet --force --force --yes "$1" >&2
}

while [ "$1" != -- ]; do
    remove_group "$1"
    shift
done
shift

for device in "$@"; do
    device=$(readlink -f "$device")
    for part in "/sys/class/block/${device##*/}/${device##*/}"*/partition; do
        [ -e "$part" ] || continue
        part=${part%/partition}
        wipe "/dev/${part##*/}"
    done
    wipe "$device"
    # Of a table that is gone the kernel keeps no partitions; one that was wiped alone stays.
    [ -e "/sys/class/block/${device##*/}/partition" ] || partx --delete "$device" 2>/dev/null || true
done
udevadm settle --timeout=100
