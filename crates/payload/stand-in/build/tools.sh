#!/bin/sh
# Builds `tools`: the static busybox and a link for each of its applets.
set -eu
: "${out:?}" "${first:?}"
mkdir -p "$out/bin"
cp "$first/busybox" "$out/bin/busybox"
chmod 555 "$out/bin/busybox"
for applet in $("$out/bin/busybox" --list); do
	[ "$applet" = busybox ] || ln -s busybox "$out/bin/$applet"
done
