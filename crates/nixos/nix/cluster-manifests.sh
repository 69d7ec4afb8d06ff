#!/usr/bin/env bash
# Makes the manifests of a directory real files in k3s' own: k3s notices a change by a file's time, which never moves in the
# Nix store, and a link that leads nowhere stops it altogether. Each file is there whole or not at all, one that is right
# already is left alone, and what was placed before and is no longer wanted goes. Nobody else's file is touched.
#
# Usage: cluster-manifests FROM TO LIST; LIST remembers the names of what was placed.
set -euo pipefail
export LC_ALL=C
umask 077

from=$1
to=$2
list=$3

# As k3s makes them.
server=${to%/*}
install -d -m 0755 "${server%/*}"
[ -d "$server" ] || install -d -m 0700 "$server"
[ -d "$to" ] || install -d -m 0700 "$to"

old=()
if [ -e "$list" ]; then mapfile -t old <"$list"; fi
new=()
for file in "$from"/*.yaml; do
    if [ -e "$file" ]; then new+=("${file##*/}"); fi
done

remember() {
    if [ "$#" -gt 0 ]; then printf '%s\n' "$@" >"$list.new"; else : >"$list.new"; fi
    sync "$list.new"
    mv -f "$list.new" "$list"
}

# If this is cut short, the next run knows what may be ours.
remember "${old[@]}" "${new[@]}"

for name in "${new[@]}"; do
    if [ ! -L "$to/$name" ] && cmp -s "$from/$name" "$to/$name"; then continue; fi
    # k3s passes over what does not end in .yaml.
    install -m 0600 "$from/$name" "$to/.$name.new"
    sync "$to/.$name.new"
    mv -fT "$to/.$name.new" "$to/$name"
    printf 'placed %s\n' "$name"
done

for name in "${old[@]}"; do
    if [ -e "$from/$name" ] || { [ ! -e "$to/$name" ] && [ ! -L "$to/$name" ]; }; then continue; fi
    rm -f "$to/$name" "$to/.$name.new"
    printf 'removed %s\n' "$name"
done

remember "${new[@]}"
