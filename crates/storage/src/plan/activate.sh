# Activates a volume group. The kernel formats a writecache at its first use, and writes the magic number last: where a power
# cut came before that, nothing was ever kept in it, and the kernel refuses it for good ("Invalid magic in the superblock",
# drivers/md/dm-writecache.c). Blank at its beginning, it is formatted anew.
#
# arguments: NAME
set -eu
name=$1
vgchange --quiet --activate y "$name" && exit
show() { "$@" --noheadings --units b --nosuffix | tr -d ' []' | head -n 1; }
extent=$(show vgs --options vg_extent_size "$name")
for cache in $(lvs --noheadings --options pool_lv --select segtype=writecache "$name" | tr -d '[]'); do
    # DEVICE:FIRST-LAST, in extents
    where=$(show lvs --all --options seg_pe_ranges "$name/$cache")
    device=${where%:*}
    first=${where##*:}
    start=$(show pvs --options pe_start "$device")
    # Where LVM cannot say all of that, nothing is looked at.
    case ${extent:-x}${start:-x}${first%%-*} in *[!0-9]*) continue ;; esac
    sector=$(((start + ${first%%-*} * extent) / 512))
    # No magic number, and a version.
    begin=$(dd "if=$device" bs=512 "skip=$sector" count=1 status=none | od -A n -t x1 -N 8 | tr -d ' \n')
    [ "$begin" = 0000000001000000 ] || continue
    dd if=/dev/zero "of=$device" bs=512 "seek=$sector" count=8 conv=notrunc,nocreat,fsync status=none
done
vgchange --quiet --activate y "$name"
