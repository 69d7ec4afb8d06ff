# Lets a further key open a container, and writes its name into the header, by which it is known again.
# What was cut goes on where it was: a key that opens the container already is not added a second time.
# Standard input has two lines, the container's own key and the further one, each as the shell's printf reads it (%b). They
# stay in the shell and in its pipes: they are in no file, and among no process' words.
#
# arguments: DEVICE NAME WORD…, the words for cryptsetup luksAddKey
set -eu
export LC_ALL=C
device=$1 name=$2
shift 2
IFS= read -r own
IFS= read -r further

# opens KEY WORD…: prints the number of the slot that the key opens, nothing if there is none. Tokens are not asked: none is of
# this type that could open anything.
opens() {
    key=$1
    shift
    said=$(printf %b "$key" | cryptsetup open --test-passphrase --verbose --batch-mode --token-type=homehive-key \
        --key-file=- "$@" "$device" 2>&1) || {
        status=$?
        # 2: no key (cryptsetup(8), return codes)
        [ "$status" -eq 2 ] && return
        printf '%s\n' "$said" >&2
        exit "$status"
    }
    printf '%s\n' "$said" | sed -n 's/^Key slot \([0-9]*\) unlocked\.$/\1/p' | grep . || {
        echo "addkey: cryptsetup does not say which slot the key $name opens" >&2
        exit 1
    }
}

slot=$(opens "$further")
if [ -z "$slot" ]; then
    printf %b "$further" | {
        exec 3<&0
        printf %b "$own" | cryptsetup luksAddKey --batch-mode --key-file=- "$@" "$device" /proc/self/fd/3
    }
    slot=$(opens "$further")
    [ -n "$slot" ] || {
        echo "addkey: the key $name was added, and opens nothing" >&2
        exit 1
    }
else
    same=$(opens "$own" --key-slot="$slot")
    [ -z "$same" ] || {
        echo "addkey: the key $name is the container's own key" >&2
        exit 1
    }
fi
printf '{"type":"homehive-key","keyslots":["%s"],"name":"%s"}' "$slot" "$name" |
    cryptsetup token import --batch-mode --json-file=- "$device"
