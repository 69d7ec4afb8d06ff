#!/bin/sh
# Makes this system the booted one (`boot`), the running one (`test`), or both (`switch`); `dry-activate` only says what
# would happen. The boot menu is replaced by one rename after everything it names is on the disk, so that any failure
# leaves the menu that was there.
set -eu
: "${TOOLS:?}" "${USERLAND:?}" "${SYSTEM:?}"
umask 022
profiles=/nix/var/nix/profiles
fail() {
	echo "switch-to-configuration: $*" >&2
	exit 1
}
say() {
	echo "$*" >&2
}

store_name() { # $1: a file in the store; its name in /boot: hash-package-file
	path=$(readlink -f "$1") || fail "$1 is not there"
	path=${path#/nix/store/}
	echo "$path" | tr / -
}

copy() { # $1: from, $2: name in /boot/kernels
	to=/boot/kernels/$2
	if [ -e "$to" ] && cmp -s "$1" "$to"; then return; fi
	rm -f "$to.new"
	cp -L "$1" "$to.new" || fail "cannot copy $1 to $to; is /boot full? $(df -h /boot | tail -n 1)"
	cmp -s "$1" "$to.new" || fail "$to.new does not read back as $1"
	sync -d "$to.new" || fail "cannot write $to.new to the disk"
	mv -f "$to.new" "$to"
}

quoted() { # for GRUB: a word in single quotes
	printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}

# Every whole generation, the profile's current one first, then from new to old.
generations() {
	current=$(readlink "$profiles/system" || true)
	[ ! -L "$profiles/$current" ] || echo "$profiles/$current"
	for link in "$profiles"/system-*-link; do
		number=${link##*/system-}
		number=${number%-link}
		case $number in *[!0-9]*) continue ;; esac
		[ "${link##*/}" = "$current" ] || echo "$number $link"
	done | sort -rn | cut -d' ' -f2-
}

write_menu() {
	prefix=
	mountpoint -q /boot || prefix=/boot
	mkdir -p /boot/kernels /boot/grub
	menu=/boot/grub/grub.cfg.new
	{
		echo "set default=0"
		echo "set timeout=1"
		echo "set timeout_style=hidden"
	} >"$menu"
	: >/boot/kernels/.needed
	generations | while read -r link; do
		generation=$(readlink -f "$link")
		if [ ! -e "$generation/kernel" ] || [ ! -e "$generation/initrd" ] || [ ! -e "$generation/init" ]; then
			say "${link##*/} is not whole and gets no entry"
			continue
		fi
		kernel=$(store_name "$generation/kernel")
		initrd=$(store_name "$generation/initrd")
		copy "$generation/kernel" "$kernel"
		copy "$generation/initrd" "$initrd"
		printf '%s\n%s\n' "$kernel" "$initrd" >>/boot/kernels/.needed
		title="${link##*/} $(cat "$generation/label" 2>/dev/null || true)"
		{
			echo "menuentry $(quoted "$title") {"
			printf '  linux %s/kernels/%s %s' "$prefix" "$kernel" "$(quoted "init=$generation/init")"
			# One parameter a line would be safer, but one line of words is what a NixOS system has.
			tr ' ' '\n' <"$generation/kernel-params" | while read -r word || [ -n "$word" ]; do
				[ -z "$word" ] || printf ' %s' "$(quoted "$word")"
			done
			echo
			echo "  initrd $prefix/kernels/$initrd"
			echo "}"
		} >>"$menu"
	done
	grep -q '^menuentry' "$menu" || fail "the profile $profiles/system holds no generation"
	grub-script-check "$menu" || fail "the boot menu is not what GRUB reads"
}

commit_menu() {
	sync -d /boot/grub/grub.cfg.new || fail "cannot write the boot menu to the disk"
	mv -f /boot/grub/grub.cfg.new /boot/grub/grub.cfg
	sync -f /boot/grub/grub.cfg || fail "cannot write /boot to the disk"
	# Only now are kernels without a generation of no use to any menu.
	for path in /boot/kernels/*; do
		grep -qxF "${path##*/}" /boot/kernels/.needed || rm -f "$path"
	done
}

loader_wanted() {
	[ "${NIXOS_INSTALL_BOOTLOADER:-}" != 1 ] || return 0
	[ -s /boot/grub/i386-pc/core.img ] || return 0
	[ "$(cat /boot/grub/devices 2>/dev/null || true)" = "$(cat "$SYSTEM/grub-devices")" ] || return 0
	return 1
}

install_loader() {
	[ -s "$SYSTEM/grub-devices" ] || fail "no device for GRUB is declared"
	while read -r device; do
		[ -b "$device" ] || fail "GRUB's device $device is not there"
		say "installing GRUB on $device"
		# What every boot needs is in the core image: a stick is slow to read through the firmware.
		timeout 600 grub-install --target=i386-pc --boot-directory=/boot --no-floppy --locales= --themes= --fonts= \
			--modules="normal linux echo test ls" "$device" </dev/null || fail "grub-install failed on $device"
	done <"$SYSTEM/grub-devices"
	cp "$SYSTEM/grub-devices" /boot/grub/devices.new
	mv -f /boot/grub/devices.new /boot/grub/devices
}

make_bootable() {
	# A menu and kernels first: a loader is installed only when it has something to load.
	write_menu
	if loader_wanted; then install_loader; fi
	commit_menu
}

make_running() {
	before=$(sha256sum </etc/ssh/sshd_config 2>/dev/null || true)
	was=$(readlink /run/current-system || true)
	"$SYSTEM/activate" || fail "activation failed; the system before it was ${was:-none}"
	if [ "$before" != "$(sha256sum </etc/ssh/sshd_config)" ] && [ -e /run/sshd.pid ]; then
		/usr/sbin/sshd -t || fail "sshd does not accept its new configuration and goes on with the old one"
		kill -HUP "$(cat /run/sshd.pid)"
		say "sshd restarted"
	fi
}

case ${1:-} in
boot) make_bootable ;;
switch)
	make_bootable
	make_running
	;;
test) make_running ;;
dry-activate)
	now=$(readlink -f /run/current-system || true)
	if [ "$now" = "$SYSTEM" ]; then
		say "nothing would change"
	else
		say "would go from ${now:-nothing} to $SYSTEM; these files of /etc differ:"
		diff -rq "$now/etc" "$SYSTEM/etc" >&2 || true
	fi
	;;
*)
	say "usage: switch-to-configuration boot|switch|test|dry-activate"
	exit 2
	;;
esac
