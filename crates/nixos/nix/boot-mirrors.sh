# Keeps EFI system partitions in step: boot-mirrors sync|check FROM TO…
#
# sync: all of loader/ and EFI/ of FROM goes to each TO, so that either starts the machine alone. At every moment a mirror's menu
# names only what is there: kernels come first, then entries, then the choice among them, and only then goes what FROM has no
# more. Each file is written beside the old one, kept by the drive, and renamed.
# check: a line for each mirror that is not in step, `TO: why`.
#
# A mirror that is missing or broken is told of and stops nothing: a machine with a dead disk takes new systems.
set -u
verb=$1 from=$2
shift 2

# Of what both have, what differs from one boot to the next stays each one's own.
files() { # $1: a partition, $2…: places in it
	root=$1
	shift
	for place in "$@"; do
		[ ! -d "$root/$place" ] || (cd "$root" && find "$place" -type f ! -name '*.homehive-new' ! -name '*.tmp' ! -path loader/random-seed)
	done | LC_ALL=C sort
}

there() { # $1: where a partition is to be mounted
	mountpoint -q "$1" || {
		echo "it is not mounted"
		return 1
	}
}

put() { # $1: a mirror, $2: a file's place
	if cmp -s "$from/$2" "$1/$2"; then return 0; fi
	new=$1/$2.homehive-new
	if mkdir -p "$(dirname "$1/$2")" && cp "$from/$2" "$new" && cmp -s "$from/$2" "$new" && sync "$new" &&
		mv -f "$new" "$1/$2"; then
		return 0
	fi
	rm -f "$new"
	return 1
}

put_all() { # $1: a mirror; its files on standard input
	while read -r file; do put "$1" "$file" || return 1; done
}

# What NixOS or a boot loader put there and FROM has no more. What is not theirs is left alone.
gone() { # $1: a mirror, $2…: places
	mirror=$1
	shift
	files "$mirror" "$@" | while read -r file; do
		[ -e "$from/$file" ] || rm -f "$mirror/$file"
	done
}

bring() { # $1: a mirror
	find "$1/loader" "$1/EFI" -name '*.homehive-new' -type f -exec rm -f {} + 2>/dev/null
	files "$from" EFI | put_all "$1" || {
		# It has both the old kernels and the new ones for a while. Where that is too much, the old ones go first: FROM, which
		# starts the machine, has none of them any more.
		gone "$1" loader/entries EFI/nixos EFI/Linux
		files "$from" EFI | put_all "$1" || return 1
	}
	kept "$1" || return 1
	files "$from" loader | grep -v '^loader/loader\.conf$' | put_all "$1" || return 1
	[ ! -e "$from/loader/loader.conf" ] || put "$1" loader/loader.conf || return 1
	kept "$1" || return 1
	gone "$1" loader/entries
	gone "$1" EFI/nixos EFI/Linux
	kept "$1"
}

# Written, and kept by the drive: FAT has no journal.
kept() { # $1: a mirror
	sync -f "$1" || return 1
	device=$(df -P "$1" | tail -n 1)
	device=${device%% *}
	[ ! -b "$device" ] || sync "$device"
}

# Every file of FROM by what is in it; kernels, which are named by their content, by name and size.
differs() { # $1: a mirror
	files "$from" EFI loader | while read -r file; do
		case $file in
		EFI/nixos/* | EFI/Linux/*) [ "$(stat -c %s "$from/$file")" = "$(stat -c %s "$1/$file" 2>/dev/null)" ] ;;
		*) cmp -s "$from/$file" "$1/$file" ;;
		esac || echo "$file is not what $from has"
	done
	files "$1" loader/entries EFI/nixos EFI/Linux | while read -r file; do
		[ -e "$from/$file" ] || echo "$file is not in $from"
	done
}

if ! why=$(there "$from"); then
	echo "$from: $why, and nothing can be in step with it" >&2
	[ "$verb" = check ] && echo "$from: $why"
	exit 0
fi
for mirror in "$@"; do
	if ! why=$(there "$mirror"); then
		[ "$verb" = check ] && echo "$mirror: $why" || echo "boot mirror $mirror: $why, and is left as it was" >&2
		continue
	fi
	case $verb in
	sync)
		# One at a time: a deployment and the timer may meet. The directory itself is the lock.
		# shellcheck disable=SC2094
		(
			flock -w 300 9 || exit 1
			bring "$mirror"
		) 9<"$mirror" ||
			echo "boot mirror $mirror could not be brought into step; free there: $(df -hP "$mirror" | tail -n 1)" >&2
		;;
	check)
		why=$(differs "$mirror" | head -n 1)
		[ -z "$why" ] || echo "$mirror: $why"
		;;
	esac
done
exit 0
