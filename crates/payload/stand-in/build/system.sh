#!/bin/sh
# Builds `system`: what makes one machine, in the shape of a NixOS toplevel.
set -eu
: "${out:?}" "${tools:?}" "${userland:?}" "${kernel:?}" "${initrd:?}" "${machine:?}" "${scripts:?}"
: "${initScript:?}" "${activate:?}" "${switch:?}" "${power:?}"
umask 022
mkdir -p "$out/bin"
ln -s "$kernel/vmlinuz" "$out/kernel"
ln -s "$kernel" "$out/kernel-modules"
ln -s "$initrd/initrd" "$out/initrd"
ln -s "$userland" "$out/sw"
ln -s "$scripts" "$out/lib"
cp -R "$machine/etc" "$out/etc"
for name in kernel-params grub-devices label user nixos-version; do cp "$machine/$name" "$out/$name"; done
[ ! -e "$machine/panics" ] || cp "$machine/panics" "$out/panics"
printf x86_64-linux >"$out/system"
# What tells this system from NixOS.
printf stand-in >"$out/homehive-payload"

# Units name what they run by its store path, and what else they depend on by its digest: that is how a switch sees
# which of them changed.
for file in "$out"/etc/systemd/system/*; do
	sed "s,@scripts@,$scripts,g" "$file" >unit
	sed -n 's,.*@sha256:\([^@]*\)@.*,\1,p' unit >paths
	while read -r path; do
		digest=$(sha256sum <"$out/$path" | cut -c1-32)
		sed "s,@sha256:$path@,$digest,g" unit >unit.new
		mv unit.new unit
	done <paths
	cat unit >"$file"
done

# A script runs before anything but the store is there: its interpreter is the store's static busybox.
script() { # $1: source, $2: name
	{
		printf '#!%s/bin/busybox sh\n' "$tools"
		printf 'TOOLS=%s\nUSERLAND=%s\nSYSTEM=%s\n' "$tools" "$userland" "$out"
		printf 'PATH=%s/bin:/usr/sbin:/usr/bin\nexport PATH TOOLS USERLAND SYSTEM\n' "$tools"
		sed 1d "$1"
	} >"$out/$2"
	chmod 555 "$out/$2"
}
script "$initScript" init
script "$activate" activate
script "$switch" bin/switch-to-configuration
for name in reboot poweroff halt; do script "$power" "bin/$name"; done
