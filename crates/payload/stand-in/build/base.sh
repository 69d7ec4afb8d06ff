#!/bin/sh
# Builds `userland` and `kernel` from the package tree: the chosen programs with the libraries they load, the chosen
# kernel modules with those they need.
set -eu
: "${archive:?}" "${programs:?}" "${modules:?}" "${rules:?}" "${userland:?}" "${kernel:?}"

fail() {
	echo "$*" >&2
	exit 1
}
words() { # the lines of a list without its comments
	sed -e 's/[[:space:]]*#.*//' -e '/^$/d' "$1"
}

mkdir tree
# Neither owners nor set-uid bits can live in a store; activation gives sudo its own.
tar -xo --no-same-permissions -f "$archive" -C tree ./usr ./boot ./etc ./lib64 2>tar.log ||
	fail "the package tree cannot be unpacked: $(tail -n 3 tar.log)"
lib=usr/lib/x86_64-linux-gnu
[ -e "tree/$lib/libc.so.6" ] || fail "the package tree has no $lib/libc.so.6: only Debian's amd64 packages will do"

# --- userland
mkdir -p "$userland"
umask 022
behind() { # $1: a link in the tree; the path in the tree that it leads to
	target=$(readlink "tree/$1")
	case $target in
	/usr/*) echo "${target#/}" ;;
	/bin/* | /sbin/* | /lib/* | /lib64/*) echo "usr$target" ;;
	/*) echo "${target#/}" ;;
	*) echo "${1%/*}/$target" ;;
	esac
}
put() { # $1: path in the tree and in the userland; the file behind a link comes too, whatever its name
	mkdir -p "$userland/${1%/*}"
	if [ -L "tree/$1" ]; then
		up=$(echo "${1%/*}" | sed 's,[^/][^/]*,..,g')
		ln -sf "$up/$(behind "$1")" "$userland/$1"
		put "$(behind "$1")"
	elif [ -e "tree/$1" ]; then
		cp "tree/$1" "$userland/$1"
	else
		fail "the package tree lacks $1"
	fi
}
(cd tree && words "$programs" | while read -r pattern; do
	# shellcheck disable=SC2086 # a pattern is meant to become many names
	for path in $pattern; do
		if [ -L "$path" ] || [ -f "$path" ]; then echo "$path"; fi
	done
done) | sort -u >chosen
while read -r path; do put "$path"; done <chosen
ln -s mawk "$userland/usr/bin/awk"

loader=tree/$lib/ld-linux-x86-64.so.2
path=tree/$lib:tree/$lib/systemd:tree/usr/lib/nix:tree/usr/libexec/sudo
find "$userland" -type f -perm -100 -o -type f -name '*.so*' | sort >candidates
: >needed
while read -r binary; do
	[ "$(head -c 4 "$binary" | tail -c 3)" = ELF ] || continue
	# A static program has nothing to list.
	"$loader" --library-path "$path" --list "$binary" >list 2>&1 || continue
	if grep -F 'not found' list >missing; then fail "${binary#"$userland"/} wants a library that is not there: $(cat missing)"; fi
	sed -n 's/.*=> \([^ ]*\) .*/\1/p' list >>needed
done <candidates
sort -u needed | sed 's,^tree/,,' | while read -r library; do
	case $library in *ld-linux*) continue ;; esac
	mkdir -p "$userland/${library%/*}"
	[ -e "$userland/$library" ] || cp -L "tree/$library" "$userland/$library"
done
mkdir -p "$userland/usr/lib64" "$userland/usr/lib/udev/rules.d"
cp -L "$loader" "$userland/usr/lib64/ld-linux-x86-64.so.2"
cp -L "$loader" "$userland/$lib/ld-linux-x86-64.so.2"
cp "$rules" "$userland/usr/lib/udev/rules.d/64-md-raid-remove.rules"
ln -s /run/booted-system/kernel-modules/lib/modules "$userland/usr/lib/modules"
ln -s bash "$userland/usr/bin/rbash"
# systemd-shutdown runs what lies there when all filesystems are unmounted (systemd-halt.service(8)).
mkdir -p "$userland/usr/lib/systemd/system-shutdown"
ln -s /run/current-system/lib/shutdown "$userland/usr/lib/systemd/system-shutdown/homehive"
[ -e "$userland/usr/lib/systemd/systemd" ] || fail "the package tree lacks usr/lib/systemd/systemd"
for program in bash sudo nix ssh-keygen mount lsblk udevadm systemctl systemd-run; do
	[ -e "$userland/usr/bin/$program" ] || fail "the package tree lacks usr/bin/$program"
done
for program in sshd mdadm lvm mkfs.xfs mkfs.ext4 grub-install sfdisk modprobe; do
	[ -e "$userland/usr/sbin/$program" ] || fail "the package tree lacks usr/sbin/$program"
done

# --- kernel
set -- tree/usr/lib/modules/*
[ $# -eq 1 ] || fail "the package tree holds $# kernels, one is wanted: $*"
release=${1##*/}
from=tree/usr/lib/modules/$release
to=$kernel/lib/modules/$release
mkdir -p "$to"
cp "tree/boot/vmlinuz-$release" "$kernel/vmlinuz"
echo "$release" >"$kernel/release"
cp "$from/modules.order" "$from/modules.builtin" "$from/modules.builtin.modinfo" "$to/"
words "$modules" | while read -r name; do
	case $name in
	*/) grep "^$name" "$from/modules.dep" || true ;;
	*)
		pattern=$(echo "$name" | sed 's/[-_]/[-_]/g')
		grep "/$pattern\.ko[^/]*:" "$from/modules.dep" || true
		;;
	esac
done | tr -d ':' | tr ' ' '\n' | sed '/^$/d' | sort -u >wanted
while read -r module; do
	mkdir -p "$to/${module%/*}"
	cp "$from/$module" "$to/$module"
done <wanted
# The packages' own depmod: busybox' writes no binary index, and kmod reads no other.
"$loader" --library-path "$path" --argv0 depmod tree/usr/bin/kmod -b "$kernel" "$release"
[ -s "$to/modules.dep.bin" ] || fail "depmod made no index of the kernel's modules"
for name in raid456 xfs ext4 dm-writecache dm-cache nvme ahci sd_mod usb-storage xhci-pci; do
	grep -q "/$name\.ko" "$to/modules.dep" || grep -q "/$name\.ko" "$to/modules.builtin" || fail "the package tree's kernel lacks the module $name"
done
