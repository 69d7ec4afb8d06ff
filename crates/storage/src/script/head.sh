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

# The paths of disks that --wipe named.
named=' '

# free NODE PATH: goes on only if the disk is blank, or named by --wipe
free() {
    case $wipe in *" $1 "*) named="$named$2 " ;; esac
    ! is_blank "$1" "$2" || return 0
    case $wipe in
    *" $1 "*) ;;
    *) die "$1 ($2) is not blank. To destroy what it holds, add: --wipe $1" ;;
    esac
    mounts=$(lsblk --all --noheadings --raw --output MOUNTPOINT "$2") || die "$1 ($2): what stands on it is not known"
    [ -z "$(printf %s "$mounts" | tr -d '[:space:]')" ] || die "$1 ($2) is mounted or swap"
}

# below DEVICE: has $disks be the disks that it stands on
below() {
    disks=$(lsblk --all --inverse --noheadings --paths --raw --output NAME,TYPE "$1") || die "what $1 stands on is not known"
    disks=$(printf '%s\n' "$disks" | sed -n -e 's/ disk$//p' -e 's/ loop$//p')
}

# within NODE PATH WHAT: refuses what goes with a disk, and has one among $disks that --wipe did not name
within() {
    for disk in $disks; do
        case $named in
        *" $disk "*) ;;
        *) die "$1 ($2): $3 reaches over $disk too, which --wipe does not name. Name that disk too, or take $1 out of $3" ;;
        esac
    done
}

# spread: has $spread be `WHAT:DISK` for each disk of each volume group and btrfs. Of these nothing need stand on two disks.
spread() {
    several=$(lsblk --noheadings --paths --raw --output FSTYPE,UUID,NAME) || die 'what the disks share is not known'
    several=$(printf '%s\n' "$several" | sed -n 's/^btrfs //p')
    if command -v pvs >/dev/null; then
        groups=$(LVM_SUPPRESS_FD_WARNINGS=1 pvs --noheadings --options vg_name,pv_name --select 'vg_name!="" && pv_missing=0') ||
            die 'what the disks share is not known'
    fi
    spread=
    while read -r what device; do
        [ -n "$device" ] || continue
        below "$device"
        for disk in $disks; do spread="$spread $what:$disk"; done
    done <<END
$several
${groups-}
END
}

# whole NODE PATH: wiping takes down what stands on a disk, and what has another disk too breaks there
whole() {
    case $named in *" $2 "*) ;; *) return 0 ;; esac
    above=$(lsblk --all --noheadings --paths --raw --output NAME "$2") || die "$1 ($2): what stands on it is not known"
    for device in $above; do
        below "$device"
        within "$1" "$2" "$device"
    done
    [ -n "${spread+known}" ] || spread
    for own in $spread; do
        [ "${own#*:}" = "$2" ] || continue
        disks=
        for other in $spread; do
            [ "${other%%:*}" != "${own%%:*}" ] || disks="$disks ${other#*:}"
        done
        within "$1" "$2" "${own%%:*}"
    done
}

# clear NODE PATH: wipes a disk that --wipe named
clear() {
    ! is_blank "$1" "$2" || return 0
    say "wiping $1 ($2)"
    sh -c "$wipe_sh" wipe -- "$2"
    is_blank "$1" "$2" || die "$1 ($2) still holds something"
}
