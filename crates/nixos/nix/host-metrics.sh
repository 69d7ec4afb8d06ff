#!/usr/bin/env bash
# Writes what no exporter knows of this machine, for the node exporter to read: how full its write caches are of what is
# not on the disks yet, and when the backups on its Time Machine shares were last completed.
#
# Usage: host-metrics FILE [SHARE=DIRECTORY]...
# DM_CONTROL: the device mapper's device, without which there are no caches.
set -euo pipefail
export LC_ALL=C

file=$1
shift
work=$(mktemp "$file.XXXXXX")
trap 'rm -f "$work"' EXIT

# The kernel's Documentation/admin-guide/device-mapper/writecache.rst: status is error, blocks, free blocks, and more that
# is not needed here; the fourth word of the table is the size of a block. What is not free is not on the disks yet.
caches() {
    [ -e "${DM_CONTROL:-/dev/mapper/control}" ] || return 0
    { dmsetup table --target writecache; dmsetup status --target writecache; } | awk '
        $4 != "writecache" { next }
        { sub(/:$/, "", $1) }
        $5 == "s" || $5 == "p" { size[$1] = $8; next }
        { error[$1] = $5; blocks[$1] = $6; dirty[$1] = $6 - $7; names[++count] = $1 }
        function metric(name, help, values,    i) {
            if (!count) return
            printf "# HELP homehive_writecache_%s %s\n# TYPE homehive_writecache_%s gauge\n", name, help, name
            for (i = 1; i <= count; i++)
                printf "homehive_writecache_%s{volume=\"%s\"} %d\n", name, names[i], values[names[i]]
        }
        END {
            metric("block_size_bytes", "Size of a block of the cache.", size)
            metric("blocks", "Blocks of the cache.", blocks)
            metric("dirty_blocks", "Blocks that are not on the disks behind the cache yet.", dirty)
            metric("error", "Whether the cache has met an error; 0 if not.", error)
        }'
}

# When a Mac last completed a backup, by the list that it keeps beside the image of its disk. What lies in a share is its
# users': nothing but a plain file of moderate size is read, and nothing in it is believed but dates.
completed() {
    local history=$1/com.apple.TimeMachine.SnapshotHistory.plist last
    [ -f "$history" ] && ! [ -L "$history" ] && [ "$(stat --format=%s "$history")" -lt 16777216 ] || return 0
    last=$(grep --text --only-matching --extended-regexp \
        '<date>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z</date>' "$history" | sort | tail -n 1) || return 0
    last=${last#<date>}
    date --utc --date="${last%</date>}" +%s 2>/dev/null || return 0
}

backups() {
    local pair share folder image mac time images unfinished times="" counts="" rest=""
    for pair; do
        share=${pair%%=*} folder=${pair#*=} images=0 unfinished=0
        # Not mounted: nobody knows, which is told by an alert.
        [ -d "$folder" ] || continue
        while IFS= read -r -d '' image; do
            mac=${image##*/}
            mac=$(printf %s "${mac%.*}" | tr -d '[:cntrl:]' | sed 's/[\\"]/\\&/g')
            time=$(completed "$image")
            images=$((images + 1))
            if [ -n "$time" ]; then
                times+="homehive_backup_completed_timestamp_seconds{share=\"$share\",mac=\"$mac\"} $time"$'\n'
            else
                unfinished=$((unfinished + 1))
            fi
        done < <(find "$folder" -maxdepth 3 -type d \( -name '*.sparsebundle' -o -name '*.backupbundle' \) \
            -prune -print0 | sort --zero-terminated)
        counts+="homehive_backup_images{share=\"$share\"} $images"$'\n'
        rest+="homehive_backup_unfinished_images{share=\"$share\"} $unfinished"$'\n'
    done
    if [ -n "$times" ]; then
        echo '# HELP homehive_backup_completed_timestamp_seconds When a Mac last completed a backup.'
        echo '# TYPE homehive_backup_completed_timestamp_seconds gauge'
        printf %s "$times"
    fi
    if [ -n "$counts" ]; then
        echo '# HELP homehive_backup_images Macs that back up to a share.'
        echo '# TYPE homehive_backup_images gauge'
        printf %s "$counts"
        echo '# HELP homehive_backup_unfinished_images Macs of which no backup is known to be complete.'
        echo '# TYPE homehive_backup_unfinished_images gauge'
        printf %s "$rest"
    fi
}

{
    caches
    backups "$@"
} >"$work"
chmod 0644 "$work"
# At once: the node exporter reads a whole file, or the one before.
mv "$work" "$file"
