# Makes an LVM volume group, all its volumes and their writecaches in one commit of LVM's metadata, so that it is there
# whole, with its derived identities, or not at all. See vgcfgrestore(8).
#
# arguments: NAME UUID, then for each physical volume: pv UUID DEVICE
#            then for each volume: lv NAME UUID SIZE PVS ORIGIN-UUID CACHE
#   SIZE  bytes, or a share such as 30% of what sizes in bytes leave, or 100%
#   PVS   numbers of physical volumes from 0, with commas
#   CACHE name of the volume that keeps this one's writes, or -
set -eu
name=$1 uuid=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
: >"$dir/tree"
number=0
while [ $# -gt 0 ]; do
    case $1 in
    pv)
        bytes=$(blockdev --getsize64 "$3")
        width=$(blockdev --getioopt "$3")
        align=1048576
        # A stripe's width where the device has one; some USB bridges claim widths that are none.
        if [ "$width" -gt 4096 ] && [ $((width % 4096)) -eq 0 ] && [ "$width" -le 67108864 ]; then
            align=$(((align + width - 1) / width * width))
        fi
        physical_volume "$3" "$2" --dataalignment "${align}b"
        eval "pv$number=\$3"
        number=$((number + 1))
        echo "pv $2 $bytes $align" >>"$dir/tree"
        shift 3
        ;;
    lv)
        echo "lv $2 $3 $4 $5 $6 $7" >>"$dir/tree"
        shift 7
        ;;
    *)
        echo "group.sh: neither pv nor lv: $1" >&2
        exit 64
        ;;
    esac
done

# Numbers the extents; writes the metadata to one file and where volumes begin to another.
awk -v name="$name" -v uuid="$uuid" -v starts="$dir/starts" '
function fail(text) { print "group.sh: " text > "/dev/stderr"; failed = 1; exit 1 }
function room(v,    i, n, list, sum) {
    n = split(on[v], list, ",")
    for (i = 1; i <= n; i++) sum += count[list[i]] - used[list[i]]
    return sum + 0
}
function take(v, want,    i, n, p, part, list, first) {
    n = split(on[v], list, ",")
    for (i = 1; i <= n && want > 0; i++) {
        p = list[i]
        part = count[p] - used[p]
        if (part > want) part = want
        if (part <= 0) continue
        segments[v]++
        from[v, segments[v]] = used[p]; pv[v, segments[v]] = p; length_[v, segments[v]] = part
        if (!first++) printf "%d %.0f\n", p, (align[p] + used[p] * extent) / 4096 > starts
        used[p] += part; total[v] += part; want -= part
    }
    if (want > 0) fail("no room for volume " lv[v])
}
function linear(v,    i, at) {
    for (i = 1; i <= segments[v]; i++) {
        printf "segment%d {\nstart_extent = %.0f\nextent_count = %.0f\ntype = \"striped\"\nstripe_count = 1\n", i, at, length_[v, i]
        printf "stripes = [ \"pv%d\", %.0f ]\n}\n", pv[v, i], from[v, i]
        at += length_[v, i]
    }
}
function head(label, id, status, flags, n) {
    printf "%s {\nid = \"%s\"\nstatus = [ %s ]\nflags = [ %s ]\nsegment_count = %d\n", label, id, status, flags, n
}
BEGIN { extent = 4194304; pvs = lvs = 0 }
$1 == "pv" {
    id[pvs] = $2; bytes[pvs] = $3; align[pvs] = $4
    count[pvs] = int(($3 - $4) / extent)
    if (count[pvs] < 1) fail("physical volume " $2 " is too small")
    pvs++
}
$1 == "lv" { lv[lvs] = $2; luuid[lvs] = $3; size[lvs] = $4; on[lvs] = $5; inner[lvs] = $6; cache[lvs] = $7; if ($7 != "-") fast[$7] = 1; lvs++ }
END {
    if (failed) exit 1
    for (v = 0; v < lvs; v++) if (size[v] !~ /%/) take(v, int((size[v] + extent - 1) / extent))
    for (v = 0; v < lvs; v++) if (size[v] ~ /%/ && size[v] != "100%") share[v] = int(room(v) * size[v] / 100)
    for (v = 0; v < lvs; v++) if (v in share) take(v, share[v] > 0 ? share[v] : 1)
    for (v = 0; v < lvs; v++) if (size[v] == "100%") { if (room(v) < 1) fail("no room for volume " lv[v]); take(v, room(v)) }
    printf "contents = \"Text Format Volume Group\"\nversion = 1\n%s {\nid = \"%s\"\nseqno = 1\nformat = \"lvm2\"\n", name, uuid
    printf "status = [ \"RESIZEABLE\", \"READ\", \"WRITE\" ]\nflags = []\nextent_size = %d\nmax_lv = 0\nmax_pv = 0\nmetadata_copies = 0\n", extent / 512
    print "physical_volumes {"
    for (p = 0; p < pvs; p++) {
        printf "pv%d {\nid = \"%s\"\ndevice = \"unknown\"\nstatus = [ \"ALLOCATABLE\" ]\nflags = []\n", p, id[p]
        printf "dev_size = %.0f\npe_start = %.0f\npe_count = %.0f\n}\n", bytes[p] / 512, align[p] / 512, count[p]
    }
    print "}"
    if (lvs) print "logical_volumes {"
    for (v = 0; v < lvs; v++) {
        if (cache[v] != "-") {
            head(lv[v], luuid[v], "\"READ\", \"WRITE\", \"VISIBLE\"", "", 1)
            printf "segment1 {\nstart_extent = 0\nextent_count = %.0f\ntype = \"writecache\"\n", total[v]
            printf "writecache = \"%s_cvol\"\norigin = \"%s_wcorig\"\nwritecache_block_size = 4096\n}\n}\n", cache[v], lv[v]
            head(lv[v] "_wcorig", inner[v], "\"READ\", \"WRITE\"", "", segments[v])
        } else if (lv[v] in fast) {
            head(lv[v] "_cvol", luuid[v], "\"READ\", \"WRITE\"", "\"CACHE_VOL\"", segments[v])
        } else {
            head(lv[v], luuid[v], "\"READ\", \"WRITE\", \"VISIBLE\"", "", segments[v])
        }
        linear(v)
        print "}"
    }
    if (lvs) print "}"
    print "}"
}' "$dir/tree" >"$dir/metadata"

# An old signature, or an old cache, at a volume's beginning must not come back to life.
if [ -e "$dir/starts" ]; then
    while read -r number block; do
        device=
        eval "device=\$pv$number"
        dd if=/dev/zero "of=$device" bs=4096 "seek=$block" count=256 conv=notrunc,nocreat,fsync status=none
    done <"$dir/starts"
fi
vgcfgrestore --quiet --yes --file "$dir/metadata" "$name" >&2
vgchange --quiet --activate y "$name" >&2
