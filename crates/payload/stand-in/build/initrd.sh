#!/bin/sh
# Builds `initrd`: static busybox, mdadm, LVM and the modules that a root filesystem may lie on.
set -eu
: "${out:?}" "${tools:?}" "${userland:?}" "${kernel:?}" "${modules:?}" "${initScript:?}" "${assemble:?}"
umask 022
release=$(cat "$kernel/release")
lib=usr/lib/x86_64-linux-gnu
mkdir -p root/bin root/etc/modules.d root/etc/lvm root/dev root/proc root/sys root/run root/mnt root/lib64 root/usr "root/lib/modules/$release"
ln -s bin root/sbin
ln -s ../bin root/usr/bin
ln -s ../bin root/usr/sbin
ln -s ../lib root/usr/lib

cp "$tools/bin/busybox" root/bin/busybox
for applet in $(root/bin/busybox --list); do
	case $applet in
	sh | mount | umount | modprobe | insmod | switch_root | cat | echo | sleep | mkdir | ln | ls | grep | sed | tr | cut | dmesg | mknod | reboot | poweroff | ps | vi | more | find | head | tail | wc | hexdump | readlink | basename | setsid | cttyhack | timeout | lsmod | sync | rm | test | '[') ln -s busybox "root/bin/$applet" ;;
	esac
done
for program in mdadm lvm blkid e2fsck; do
	cp "$userland/usr/sbin/$program" root/bin/
	"$userland/usr/lib64/ld-linux-x86-64.so.2" --library-path "$userland/$lib" --list "root/bin/$program" |
		sed -n 's/.*=> \([^ ]*\) .*/\1/p'
done | sort -u >libraries
mkdir -p "root/lib/x86_64-linux-gnu"
while read -r library; do cp -L "$library" root/lib/x86_64-linux-gnu/; done <libraries
cp "$userland/usr/lib64/ld-linux-x86-64.so.2" root/lib64/
printf 'activation { udev_sync = 0 udev_rules = 0 }\ndevices { use_devicesfile = 0 }\nbackup { backup = 0 archive = 0 }\n' >root/etc/lvm/lvm.conf

cp "$initScript" root/init
cp "$assemble" root/lib/assemble.sh
chmod 555 root/init
sed -e 's/[[:space:]]*#.*//' -e '/^$/d' "$modules" >names
sed '/^--$/,$d' names >root/etc/modules.d/now
dep=$kernel/lib/modules/$release/modules.dep
grep -v '^--$' names | while read -r name; do
	pattern=$(echo "$name" | sed 's/[-_]/[-_]/g')
	grep "/$pattern\.ko[^/]*:" "$dep" || true # it may be built in
done | tr -d ':' | tr ' ' '\n' | sed '/^$/d' | sort -u >wanted
while read -r module; do
	mkdir -p "root/lib/modules/$release/${module%/*}"
	cp "$kernel/lib/modules/$release/$module" "root/lib/modules/$release/$module"
done <wanted
cp "$kernel/lib/modules/$release/modules.order" "$kernel/lib/modules/$release/modules.builtin" "root/lib/modules/$release/"
depmod -b root "$release"
rm -f "root/lib/modules/$release/modules.symbols"

# One picture for one content: no times, no inode numbers, one order.
find root -exec touch -h -d @1 {} +
mkdir -p "$out"
(cd root && find . | sort | cpio -o -H newc -R 0:0 --renumber-inodes --ignore-devno 2>/dev/null) | gzip -9 >"$out/initrd"
