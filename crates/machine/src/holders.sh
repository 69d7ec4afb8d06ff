# Says who uses these block devices, and what stands on them: a line each. Reads only. Starts few programs, for on some
# machines each takes its time.
# arguments: DEVICE…
set -u

# Not echo, which may take a backslash for more than that.
say() { printf '%s\n' "$*"; }

# The device, its partitions and all that stands on them, as the kernel calls them.
all() {
    printf '%s\n' "$1"
    for on in "/sys/class/block/$1/$1"*/partition "/sys/class/block/$1/holders/"*; do
        [ -e "$on" ] || continue
        on=${on%/partition}
        (all "${on##*/}")
    done
}

devices=$(for device in "$@"; do
    device=$(readlink -f "$device") && [ -b "$device" ] && all "${device##*/}"
done | sort -u)

# By number: ` 8:16=sdb 8:17=sdb1 `.
numbers=' '
for name in $devices; do
    read -r number 2>/dev/null <"/sys/class/block/$name/dev" && numbers="$numbers$number=$name "
done

# Which of them has this number, or this path? The answer is in `name`.
numbered() {
    case $numbers in
    *" $1="*) name=${numbers#*" $1="} name=${name%% *} ;;
    *) return 1 ;;
    esac
}
called() {
    path=$(readlink -f "$1")
    case $numbers in
    *"=${path##*/} "*) name=${path##*/} ;;
    *) return 1 ;;
    esac
}

# The kernel writes blanks and backslashes in paths as three octal digits; `%b` wants a zero before them, else it takes a
# digit behind them for a fourth.
unescape() {
    case $1 in
    *\\*) printf '%b' "$(printf '%s' "$1" | sed 's/\\/\\0/g')" ;;
    *) printf '%s' "$1" ;;
    esac
}

# Where they are mounted, in the mount namespace of a process. Of a btrfs the number tells nothing, and its source all.
mounts() {
    while read -r _ _ number _ at rest; do
        source=${rest##* - }
        source=${source#* }
        source=${source%% *}
        case $number:$source in
        0:*:/dev/*) called "$source" || continue ;;
        *) numbered "$number" || continue ;;
        esac
        printf '%s %s\n' "$name" "$(unescape "$at")"
    done 2>/dev/null <"/proc/$1/mountinfo"
}

here=$(mounts $$)
printf '%s\n' "$here" | while read -r which at; do [ -z "$which" ] || say "$which is mounted on $at"; done
while read -r file _; do
    case $file in /dev/*) called "$file" && say "$name is swap space" ;; esac
done </proc/swaps
for name in $devices; do
    for on in "/sys/class/block/$name/holders/"*; do
        [ -e "$on" ] || continue
        known=
        [ -e "$on/dm/name" ] && read -r known <"$on/dm/name"
        say "${on##*/}${known:+ ($known)} stands on $name"
    done
done

# What a process has open, works in, and sees mounted: one line each, whatever it has open.
look() {
    read -r space
    case $seen in
    *" $space "*) ;;
    *) mounts "$1" | while read -r which at; do say "$who has $which mounted on $at, where only it sees it"; done ;;
    esac
    while read -r path; do
        case $path in /dev/*)
            case $numbers in *"=${path#/dev/} "*) say "$who has $path open" && return ;; esac
            ;;
        esac
        while read -r _ at; do
            # Nothing mounted is one empty line.
            case ${at:+$path} in "$at" | "${at%/}"/*) [ -z "$at" ] || { say "$who uses $path" && return; } ;; esac
        done <<HERE
$here
HERE
    done
}

seen=" $(readlink "/proc/$$/ns/mnt") "
for process in /proc/[0-9]*; do
    pid=${process##*/}
    space=$(readlink "$process/ns/mnt" "$process/cwd" "$process/root" "$process/fd/"* 2>/dev/null)
    [ -n "$space" ] || continue
    read -r comm 2>/dev/null <"$process/comm" || continue
    who="process $pid ($comm)"
    look "$pid" <<LINKS
$space
LINKS
    seen="$seen${space%%
*} "
done
exit 0
