#!/bin/sh
# Run by mmdebstrap on the finished tree ($1): drops kernel modules that no lab needs, and what only a distribution needs.
# The names of the modules that stay are in HOMEHIVE_MODULES.
set -eu
root=$1
kernel=$(ls "$root/usr/lib/modules")
modules=$root/usr/lib/modules/$kernel
keep=$(mktemp)
for module in $HOMEHIVE_MODULES; do
    # "insmod /lib/modules/K/kernel/x.ko", or "builtin x"; a name that the kernel does not know is an error.
    if ! chroot "$root" modprobe -S "$kernel" --show-depends "$module" >>"$keep" 2>/dev/null; then
        echo "the guest's kernel $kernel has no module $module" >&2
        exit 1
    fi
done
sed -n "s|^insmod /lib/modules/$kernel/\([^ ]*\).*|\1|p" "$keep" | sort -u >"$keep.paths"
(cd "$modules" && find kernel -name '*.ko*' | sort) >"$keep.all"
comm -13 "$keep.paths" "$keep.all" | (cd "$modules" && xargs -r rm -f)
find "$modules" -type d -empty -delete
chroot "$root" depmod "$kernel"
rm -f "$keep" "$keep.paths" "$keep.all"
rm -rf "$root"/boot/initrd.img* "$root"/boot/System.map* "$root"/usr/share/doc "$root"/usr/share/man \
    "$root"/usr/share/info "$root"/usr/share/locale "$root"/usr/share/i18n "$root"/usr/share/lintian \
    "$root"/usr/share/bug "$root"/var/cache/debconf "$root"/var/log/*
# Each installed machine makes or gets its own.
rm -f "$root"/etc/ssh/ssh_host_* "$root"/etc/machine-id
