#!/bin/sh
# Makes this system the booted one (`boot`), the running one (`test`), or both (`switch`); `dry-activate` only says what
# would happen, in NixOS' own words. Exit status 4: it runs, but units have failed. The boot menu is replaced by one rename after everything it names is on the disk, so that any failure
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

# The numbers of all generations, from new to old.
generations() {
	for link in "$profiles"/system-*-link; do
		number=${link##*/system-}
		number=${number%-link}
		case $number in *[!0-9]*) continue ;; esac
		echo "$number"
	done | sort -rn
}

entry() { # $1: title, $2: the system, $3: indentation
	if [ ! -e "$2/kernel" ] || [ ! -e "$2/initrd" ] || [ ! -e "$2/init" ]; then
		say "$1 is not whole and gets no entry"
		return
	fi
	kernel=$(store_name "$2/kernel")
	initrd=$(store_name "$2/initrd")
	copy "$2/kernel" "$kernel"
	copy "$2/initrd" "$initrd"
	printf '%s\n%s\n' "$kernel" "$initrd" >>/boot/kernels/.needed
	{
		echo "$3menuentry $(quoted "$1") {"
		printf '%s  linux %s/kernels/%s %s' "$3" "$prefix" "$kernel" "$(quoted "init=$2/init")"
		# One parameter a line would be safer, but one line of words is what a NixOS system has.
		tr ' ' '\n' <"$2/kernel-params" | while read -r word || [ -n "$word" ]; do
			[ -z "$word" ] || printf ' %s' "$(quoted "$word")"
		done
		echo
		echo "$3  initrd $prefix/kernels/$initrd"
		echo "$3}"
	} >>"$menu"
}

# As NixOS has it: this system is the default, all generations stand in a submenu. A one-time choice (`next_entry` in
# grubenv) is forgotten before it is booted, so that whatever becomes of it, the next boot takes the default.
write_menu() {
	prefix=
	mountpoint -q /boot || prefix=/boot
	mkdir -p /boot/kernels /boot/grub
	menu=/boot/grub/grub.cfg.new
	# shellcheck disable=SC2016 # for GRUB to expand
	{
		echo 'if [ -s $prefix/grubenv ]; then'
		echo '  load_env'
		echo 'fi'
		echo 'if [ "${next_entry}" ]; then'
		echo '  set default="${next_entry}"'
		echo '  set next_entry='
		echo '  save_env next_entry'
		echo '  set boot_once=true'
		echo 'else'
		echo '  set default=0'
		echo 'fi'
		echo 'set timeout=1'
		echo 'set timeout_style=hidden'
		echo
	} >"$menu"
	: >/boot/kernels/.needed
	entry "Stand-in" "$SYSTEM" ""
	grep -q '^menuentry' "$menu" || fail "$SYSTEM is not whole"
	echo "submenu 'Stand-in - All configurations' {" >>"$menu"
	for number in $(generations); do
		link=$profiles/system-$number-link
		date=$(stat -c %y "$link" 2>/dev/null | cut -d' ' -f1)
		label=$(cat "$link/label" 2>/dev/null || true)
		entry "Stand-in - Configuration $number ($date - $label)" "$(readlink -f "$link")" "  "
	done
	echo "}" >>"$menu"
	grub-script-check "$menu" || fail "the boot menu is not what GRUB reads"
}

# GRUB knows nothing of a journal: what it reads has to be in its place. A filesystem's own sync writes it there, but only
# that of the device has the drive keep it.
in_place() { # $1: a file of /boot
	sync -f "$1" || fail "cannot write /boot to the disk"
	device=$(df -P /boot | tail -n 1)
	device=${device%% *}
	[ -b "$device" ] || fail "/boot lies on $device, which is no device"
	sync "$device" || fail "cannot write $device"
}

commit_menu() {
	sync -d /boot/grub/grub.cfg.new || fail "cannot write the boot menu to the disk"
	in_place /boot/grub/grub.cfg.new
	# Whichever of the two the directory names when the power goes, it is there. FAT has no links, and no journal.
	ln -f /boot/grub/grub.cfg /boot/grub/grub.cfg.old 2>/dev/null || true
	mv -f /boot/grub/grub.cfg.new /boot/grub/grub.cfg
	in_place /boot/grub/grub.cfg
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
			--modules="normal linux echo test ls loadenv" "$device" </dev/null || fail "grub-install failed on $device"
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

# --- units
units=/etc/systemd/system
new=$SYSTEM$units
joined() { # $1: words; separated by commas, as a person reads them
	echo "$*" | sed 's/  */, /g'
}

is_set() { # $1: a unit's file, $2: yes or no as NixOS' own switch reads them from units
	grep -qxE "$2" "$1"
}

# Sorts what runs: stop, and start again with the new file (stopped, started), restart, reload, leave alone.
sort_units() {
	stop='' restart='' reload='' start='' skip=''
	[ -d "$old" ] || return 0
	for file in "$old"/*; do
		unit=${file##*/}
		case $unit in *.target) continue ;; esac
		# One that is still starting is in the old shape, too.
		case $(systemctl is-active "$unit") in active | activating | reloading | failed) ;; *) continue ;; esac
		if [ ! -e "$new/$unit" ]; then
			stop="$stop $unit"
		elif cmp -s "$file" "$new/$unit"; then
			continue
		elif is_set "$new/$unit" 'X-RestartIfChanged=(false|no|0)'; then
			skip="$skip $unit"
		elif is_set "$new/$unit" 'X-ReloadIfChanged=(true|yes|1)'; then
			reload="$reload $unit"
		elif is_set "$new/$unit" 'X-StopIfChanged=(false|no|0)'; then
			restart="$restart $unit"
		else
			stop="$stop $unit"
			start="$start $unit"
		fi
	done
}

failed_units() {
	systemctl list-units --failed --plain --no-legend --full | cut -d' ' -f1 | tr '\n' ' '
}

make_running() {
	was=$(readlink /run/current-system || true)
	sort_units
	result=0
	# shellcheck disable=SC2086 # each is a list of units
	{
		if [ -n "$stop" ]; then
			say "stopping the following units: $(joined $stop)"
			systemctl stop $stop || true
		fi
		[ -z "$skip" ] || say "NOT restarting the following changed units: $(joined $skip)"
		say "activating the configuration..."
		"$SYSTEM/activate" || {
			say "Failed to run activate script; the system before it was ${was:-none}"
			result=2
		}
		systemctl daemon-reload || result=3
		for unit in $(failed_units); do systemctl reset-failed "$unit" || true; done
		if [ -n "$reload" ]; then
			say "reloading the following units: $(joined $reload)"
			systemctl reload $reload || true
		fi
		if [ -n "$restart" ]; then
			say "restarting the following units: $(joined $restart)"
			systemctl restart $restart || true
		fi
		if [ -n "$start" ]; then
			say "starting the following units: $(joined $start)"
			systemctl start $start || true
		fi
		# What this system wants and was not there before.
		systemctl start default.target || true
		failed=$(failed_units)
		if [ -n "$failed" ]; then
			say "warning: the following units failed: $(joined $failed)"
			systemctl status --no-pager --full $failed >&2 || true
			result=4
		fi
	}
	return $result
}

would() { # $1: what, $2…: units
	what=$1
	shift
	[ $# -eq 0 ] || say "would $what: $(joined "$@")"
}

old=$(readlink -f /run/current-system || true)$units
case ${1:-} in
boot) make_bootable ;;
switch)
	make_bootable
	make_running
	;;
test) make_running ;;
dry-activate)
	sort_units
	# shellcheck disable=SC2086 # each is a list of units
	{
		would "stop the following units" $stop
		would "NOT stop the following changed units" $skip
		say "would activate the configuration..."
		would "reload the following units" $reload
		would "restart the following units" $restart
		would "start the following units" $start
	}
	;;
*)
	say "usage: switch-to-configuration boot|switch|test|dry-activate"
	exit 2
	;;
esac
