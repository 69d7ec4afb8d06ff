#!/bin/sh
# Builds `system`: what makes one machine, in the shape of a NixOS toplevel.
set -eu
: "${out:?}" "${tools:?}" "${userland:?}" "${kernel:?}" "${initrd:?}" "${machine:?}"
: "${initScript:?}" "${activate:?}" "${boot:?}" "${storage:?}" "${assemble:?}" "${shutdown:?}" "${debug:?}" "${switch:?}"
umask 022
mkdir -p "$out/bin" "$out/lib"
ln -s "$kernel/vmlinuz" "$out/kernel"
ln -s "$kernel" "$out/kernel-modules"
ln -s "$initrd/initrd" "$out/initrd"
ln -s "$userland" "$out/sw"
cp -R "$machine/etc" "$out/etc"
for name in kernel-params grub-devices label network user nixos-version; do cp "$machine/$name" "$out/$name"; done
printf x86_64-linux >"$out/system"
# What tells this system from NixOS.
printf stand-in >"$out/homehive-payload"

# A script runs before anything but the store is there: its interpreter is the store's static busybox.
script() { # $1: source, $2: name, $3: where its commands come from
	{
		printf '#!%s/bin/busybox sh\n' "$tools"
		printf 'TOOLS=%s\nUSERLAND=%s\nSYSTEM=%s\n' "$tools" "$userland" "$out"
		printf 'PATH=%s\nexport PATH TOOLS USERLAND SYSTEM\n' "$3"
		sed 1d "$1"
	} >"$out/$2"
	chmod 555 "$out/$2"
}
early=$tools/bin:/usr/sbin:/usr/bin
late=/usr/sbin:/usr/bin:$tools/bin
script "$initScript" init "$early"
script "$activate" activate "$early"
script "$boot" lib/boot "$late"
script "$storage" lib/storage "$late"
script "$shutdown" lib/shutdown "$late"
script "$debug" lib/debug-shell "$late"
script "$switch" bin/switch-to-configuration "$early"
cp "$assemble" "$out/lib/assemble.sh"
{
	echo "::sysinit:$out/lib/boot"
	echo "::respawn:$out/lib/debug-shell"
	echo "::ctrlaltdel:$tools/bin/reboot"
	echo "::shutdown:$out/lib/shutdown"
} >"$out/etc/inittab"
for applet in reboot poweroff halt; do ln -s "$tools/bin/$applet" "$out/bin/$applet"; done
