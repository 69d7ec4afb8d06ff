# Prints areas of a device, one a line, in base64: what is on the disk, not what a cache has of it.
#
# arguments: DEVICE [OFFSET LENGTH]…
set -eu
device=$(readlink -f "$1")
shift
for part in "/sys/class/block/${device##*/}/${device##*/}"*/partition; do
    [ -e "$part" ] || continue
    part=${part%/partition}
    sync "/dev/${part##*/}"
done
sync "$device"
while [ $# -gt 0 ]; do
    dd "if=$device" bs=65536 "skip=$1" "count=$2" iflag=direct,skip_bytes,count_bytes,fullblock status=none | base64 -w0
    echo
    shift 2
done
