#!/bin/sh
# Makes the root filesystem this system's: links, accounts, /etc. Harmless to repeat; every change is one rename.
# Runs in a bare chroot as well, where only the store, /dev, /proc and /sys are there.
set -eu
: "${TOOLS:?}" "${USERLAND:?}" "${SYSTEM:?}"
umask 022
fail() {
	echo "activate: $*" >&2
	exit 1
}

link() { # $1: target, $2: link
	if [ -e "$2" ] && [ ! -L "$2" ]; then
		rmdir "$2" 2>/dev/null || fail "$2 is no link: another system lives on this root filesystem; install onto an empty one"
	fi
	[ "$(readlink "$2" || true)" = "$1" ] && return
	ln -sfn "$1" "$2.new"
	mv -fT "$2.new" "$2"
}
link "$USERLAND/usr" /usr
for name in bin sbin lib lib64; do link "usr/$name" "/$name"; done

mkdir -p /etc /dev /proc /sys /run /boot /home /mnt /nix/var/nix/profiles /nix/var/nix/gcroots /var/empty /var/lib /var/cache
mkdir -p /tmp /var/tmp
chmod 1777 /tmp /var/tmp
chmod 711 /var/empty
mkdir -p /root
chmod 700 /root
mkdir -p /var/log /run/sshd /run/lock /run/wrappers/bin
link /run /var/run

# --- /etc: the files of this generation, copied (sudo and sshd refuse files in a directory that others may write)
place() { # $1: path below etc
	mode=444
	case $1 in
	shadow) mode=600 ;;
	sudoers) mode=440 ;;
	esac
	mkdir -p "$(dirname "/etc/$1")"
	if [ -f "/etc/$1" ] && [ ! -L "/etc/$1" ] && cmp -s "$from/$1" "/etc/$1"; then
		chmod "$mode" "/etc/$1"
		return
	fi
	rm -f "/etc/$1.new"
	cp "$from/$1" "/etc/$1.new"
	chown 0:0 "/etc/$1.new"
	chmod "$mode" "/etc/$1.new"
	mv -fT "/etc/$1.new" "/etc/$1"
}
old=$(readlink /etc/static || true)
from=$USERLAND/etc
for path in $(cd "$from" && find . -type f); do place "${path#./}"; done
from=$SYSTEM/etc
for path in $(cd "$from" && find . -type f); do place "${path#./}"; done
# What only the generation before had, goes.
case $old in
/nix/store/*)
	if [ -d "$old" ] && [ "$old" != "$SYSTEM/etc" ]; then
		for path in $(cd "$old" && find . -type f); do
			[ -e "$SYSTEM/etc/$path" ] || rm -f "/etc/$path"
		done
	fi
	;;
esac
link "$SYSTEM/etc" /etc/static
[ -L /etc/mtab ] || ln -sfn /proc/self/mounts /etc/mtab
[ -e /etc/machine-id ] || sha256sum "$SYSTEM/etc/hostname" | cut -c1-32 >/etc/machine-id

# --- the user's home
user=$(cat "$SYSTEM/user")
if [ ! -d "/home/$user" ]; then
	mkdir -p "/home/$user.new"
	chmod 700 "/home/$user.new"
	chown 1000:100 "/home/$user.new"
	mv -T "/home/$user.new" "/home/$user"
fi

# --- set-uid programs cannot live in the store
cp "$USERLAND/usr/bin/sudo" /run/wrappers/bin/.sudo
chown 0:0 /run/wrappers/bin/.sudo
chmod 4755 /run/wrappers/bin/.sudo
mv -f /run/wrappers/bin/.sudo /run/wrappers/bin/sudo

hostname "$(cat "$SYSTEM/etc/hostname")" 2>/dev/null || true
link "$SYSTEM" /run/current-system
mkdir -p /nix/var/nix/gcroots
link /run/current-system /nix/var/nix/gcroots/current-system
link /run/booted-system /nix/var/nix/gcroots/booted-system
