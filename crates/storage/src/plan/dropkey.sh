# Takes key slots out of a container, but for one that the container's own key opens: that one stays.
#
# arguments: DEVICE SLOT…, with the container's own key at /proc/self/fd/3, where fed.sh puts it
set -eu
device=$1
shift
for slot; do
    status=0
    cryptsetup open --test-passphrase --batch-mode --token-type=homehive-key --key-file=/proc/self/fd/3 --key-slot="$slot" "$device" \
        2>/dev/null || status=$?
    if [ "$status" -eq 0 ]; then
        echo "dropkey: slot $slot is opened by the container's own key, and stays" >&2
    else
        # cryptsetup itself makes sure that the key opens another one.
        cryptsetup luksKillSlot --batch-mode --key-file=/proc/self/fd/3 "$device" "$slot"
    fi
done
