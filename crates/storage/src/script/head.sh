set -eu
export LC_ALL=C

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

wipe=' '
while [ $# -gt 0 ]; do
    case $1 in
    --wipe)
        [ $# -gt 1 ] || die '--wipe wants the name of a disk'
        wipe="$wipe$2 "
        shift 2
        ;;
    *)
        say "usage: $0 [--wipe DISK]..."
        say 'Makes what the fleet declares on blank disks. --wipe destroys what one disk holds.'
        exit 2
        ;;
    esac
done
[ "$(id -u)" = 0 ] || die 'this must run as root'

# plain TEXT: without blanks at its ends, in lower case, as words are compared
plain() { printf '%s' "$1" | tr '[:upper:]' '[:lower:]' | sed 's/^[[:space:]]*//; s/[[:space:]]*$//'; }

# fits PATH COLUMN WORD: does lsblk show this word of the disk? No word fits any disk.
fits() { [ -z "$3" ] || [ "$(plain "$(lsblk --nodeps --noheadings --bytes --output "$2" "$1")")" = "$(plain "$3")" ]; }

# find_disk NODE LINK SERIAL WWN MODEL SIZE: prints the path of the one disk that fits all that is said
find_disk() {
    found=
    for path in $(lsblk --nodeps --noheadings --paths --raw --output NAME,TYPE | sed -n 's/ disk$//p'); do
        [ -z "$2" ] || [ "$(readlink -f "$2")" = "$path" ] || continue
        if fits "$path" SERIAL "$3" && fits "$path" WWN "$4" && fits "$path" MODEL "$5" && fits "$path" SIZE "$6"; then
            [ -z "$found" ] || die "$1: both $found and $path fit what is said of it"
            found=$path
        fi
    done
    [ -n "$found" ] || die "$1: no disk fits what is said of it"
    printf '%s' "$found"
}

# part DISK NUMBER: prints the path of a partition
part() {
    case $1 in
    *[0-9]) printf '%sp%s' "$1" "$2" ;;
    *) printf '%s%s' "$1" "$2" ;;
    esac
}

# distinct PATH...: declared disks are different disks
distinct() {
    twice=$(printf '%s\n' "$@" | sort | uniq -d)
    [ -z "$twice" ] || die "two declared disks are the same disk: $twice"
}

# is_blank NODE PATH: no signature, and a first MiB of zeroes? Of a disk that answers with errors wipefs finds no signature either,
# so what cannot be read ends the script.
is_blank() {
    if ! bytes=$(blockdev --getsize64 "$2") || [ "$bytes" -eq 0 ] || ! signs=$(wipefs --noheadings "$2"); then
        unreadable "$1" "$2"
    fi
    [ -z "$signs" ] || return 1
    [ "$bytes" -lt 1048576 ] || bytes=1048576
    # An error, and an end before its end, are told in other words.
    words=$(cmp -n "$bytes" "$2" /dev/zero 2>&1) || :
    case $words in
    '') ;;
    *' differ: '*) return 1 ;;
    *) say "$words" && unreadable "$1" "$2" ;;
    esac
}

unreadable() { die "$1 ($2) cannot be read, so it may hold anything: it is left alone"; }

# free NODE PATH: goes on only if the disk is blank, or named by --wipe
free() {
    ! is_blank "$1" "$2" || return 0
    case $wipe in
    *" $1 "*) ;;
    *) die "$1 ($2) is not blank. To destroy what it holds, add: --wipe $1" ;;
    esac
    [ -z "$(lsblk --noheadings --raw --output MOUNTPOINT "$2" | tr -d '[:space:]')" ] || die "$1 ($2) is mounted or swap"
}

# clear NODE PATH: wipes a disk that --wipe named
clear() {
    ! is_blank "$1" "$2" || return 0
    say "wiping $1 ($2)"
    sh -c "$wipe_sh" wipe -- "$2"
    is_blank "$1" "$2" || die "$1 ($2) still holds something"
}
