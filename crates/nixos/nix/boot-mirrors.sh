# Keeps EFI system partitions in step: boot-mirrors sync|check FROM TO…
#
# sync: all of loader/ and EFI/ of FROM goes to each TO, so that either starts the machine alone. At every moment a mirror's menu
# names only what is there: kernels come first, then entries, then the choice among them, and only then goes what FROM has no
# more. Each file is written beside the old one, kept by the drive, and renamed.
# check: a line for each mirror that is not in step, `TO: why`.
#
# A mirror that is missing or broken is told of and stops nothing: a machine with a dead disk takes new systems. Of FROM that has
# no boot menu or cannot be read nothing is believed: the mirrors stay as they are, and that is a failure.
set -u
# Failures are known by the C library's words, and lists are sorted by bytes.
export LC_ALL=C
verb=$1 from=$2 status=0
shift 2

# absent FILE: the kernel says that it is not there. To `[ -e ]` a disk that answers nothing but errors is just as empty.
absent() {
	case $(stat "$1" 2>&1) in *': No such file or directory') ;; *) return 1 ;; esac
}

# Of what both have, what differs from one boot to the next stays each one's own. It fails where something cannot be read.
files() { # $1: a partition, $2…: places in it
	root=$1
	shift
	list=$(
		cd "$root" || exit 1
		for place in "$@"; do
			if [ -d "$place" ]; then
				find "$place" -type f ! -name '*.homehive-new' ! -name '*.tmp' ! -path loader/random-seed || exit 1
			else
				absent "$place" || exit 1
			fi
		done
	) || return 1
	[ -z "$list" ] || printf '%s\n' "$list" | sort
}

there() { # $1: where a partition is to be mounted
	mountpoint -q "$1" || {
		echo "it is not mounted"
		return 1
	}
}

# Can FROM be followed? On a replaced disk it is mounted and empty, on a dead one nothing is found: then all that a mirror has looks
# like what FROM has no more.
sound() {
	# Past what the kernel remembers, for FAT passes in silence over the parts of a directory that it cannot read. A dead disk's
	# device may be gone while it is mounted, so any path is one.
	device=$(df -P "$from" | tail -n 1)
	device=${device%% *}
	case $device in
	/*) dd if="$device" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null || device= ;;
	esac
	if [ -z "$device" ] || ! found=$(files "$from" EFI loader 2>/dev/null); then
		echo "it cannot be read"
		return 1
	fi
	for kind in 'loader/entries/.*\.conf$|EFI/Linux/' 'EFI/(nixos|Linux)/'; do
		printf '%s\n' "$found" | grep -Eqi "^($kind)" || {
			echo "it has no boot menu"
			return 1
		}
	done
}

# Status 2 is a mirror that is full.
put() { # $1: a mirror, $2: a file's place
	if cmp -s "$from/$2" "$1/$2"; then return 0; fi
	new=$1/$2.homehive-new
	if said=$({ mkdir -p "$(dirname "$1/$2")" && cp "$from/$2" "$new" && cmp "$from/$2" "$new" && sync "$new" &&
		mv -f "$new" "$1/$2"; } 2>&1); then
		return 0
	fi
	rm -f "$new"
	echo "$said" >&2
	case $said in *': No space left on device'*) return 2 ;; *) return 1 ;; esac
}

put_all() { # $1: a mirror; its files on standard input
	while read -r file; do
		[ -z "$file" ] || put "$1" "$file" || return
	done
}

# What NixOS or a boot loader put there and FROM has no more, entries of the menu first. What is not theirs is left alone, and what
# the mirror's menu still names.
gone() { # $1: a mirror
	mirror=$1
	sound >/dev/null && entries=$(files "$mirror" loader/entries) && systems=$(files "$mirror" EFI/nixos EFI/Linux) || return 1
	printf '%s\n' "$entries" "$systems" | while read -r file; do
		if [ -z "$file" ] || [ -e "$from/$file" ]; then continue; fi
		absent "$from/$file" || return 1
		case $file in
		EFI/*) ! grep -qsiF "/${file##*/}" "$mirror"/loader/entries/*.conf || continue ;;
		esac
		rm -f "$mirror/$file" || return 1
	done
}

bring() { # $1: a mirror
	find "$1/loader" "$1/EFI" -name '*.homehive-new' -type f -exec rm -f {} + 2>/dev/null
	sound >/dev/null && kernels=$(files "$from" EFI) && menu=$(files "$from" loader) || return 1
	printf '%s\n' "$kernels" | put_all "$1"
	case $? in
	0) ;;
	2)
		# It has both the old kernels and the new ones for a while. Where that is too much, the old ones go first: FROM, which
		# starts the machine, has none of them any more.
		gone "$1" && printf '%s\n' "$kernels" | put_all "$1" || return 1
		;;
	*) return 1 ;;
	esac
	kept "$1" || return 1
	printf '%s\n' "$menu" | grep -v '^loader/loader\.conf$' | put_all "$1" || return 1
	[ ! -e "$from/loader/loader.conf" ] || put "$1" loader/loader.conf || return 1
	kept "$1" || return 1
	gone "$1" || return 1
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
	theirs=$(files "$from" EFI loader) || echo "$from cannot be read"
	printf '%s\n' "$theirs" | while read -r file; do
		case $file in
		'') ;;
		EFI/nixos/* | EFI/Linux/*) [ "$(stat -c %s "$from/$file")" = "$(stat -c %s "$1/$file" 2>/dev/null)" ] ;;
		*) cmp -s "$from/$file" "$1/$file" ;;
		esac || echo "$file is not what $from has"
	done
	own=$(files "$1" loader/entries EFI/nixos EFI/Linux) || echo "it cannot be read"
	printf '%s\n' "$own" | while read -r file; do
		[ -z "$file" ] || [ -e "$from/$file" ] || echo "$file is not in $from"
	done
}

if ! why=$(there "$from"); then
	echo "$from: $why, and nothing can be in step with it" >&2
	[ "$verb" = check ] && echo "$from: $why"
	exit 0
fi
if [ "$verb" = check ] && ! why=$(sound); then
	echo "$from: $why, and nothing can be in step with it"
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
		) 9<"$mirror" || {
			if why=$(sound); then
				echo "boot mirror $mirror could not be brought into step; free there: $(df -hP "$mirror" | tail -n 1)" >&2
			else
				echo "$from: $why, and boot mirror $mirror keeps what it has" >&2
				status=1
			fi
		}
		;;
	check)
		why=$(differs "$mirror" | head -n 1)
		[ -z "$why" ] || echo "$mirror: $why"
		;;
	esac
done
exit "$status"
