#!/bin/sh
# The boot loader's menu as it lies on the disk, for a boot trial: which loader, where, what it lies on, and its files,
# each behind a line `file PATH`. It only looks.
for dir in /boot /efi /boot/efi; do
	[ -d "$dir/loader/entries" ] || continue
	echo "loader systemd-boot"
	for file in "$dir/loader/loader.conf" "$dir"/loader/entries/*.conf; do
		[ -e "$file" ] || continue
		echo "file $file"
		cat "$file"
		echo
	done
	exit 0
done
[ -e /boot/grub/grub.cfg ] || {
	echo "loader none"
	exit 0
}
echo "loader grub"
device=$(findmnt --noheadings --output SOURCE --target /boot/grub)
echo "format $(findmnt --noheadings --output FSTYPE --target /boot/grub)"
echo "kind $(lsblk --noheadings --nodeps --output TYPE "${device%%\[*}" 2>/dev/null)"
command -v grub-editenv >/dev/null && echo "editor grub-editenv"
echo "file /boot/grub/grub.cfg"
cat /boot/grub/grub.cfg
