# What a machine runs: the closure's paths with their sizes, and what it has booted with; lines of a word and a value.
set -eu
system=$(readlink -f /run/current-system)
nix-store --query --requisites "$system" | sed 's/^/path /'
nix-store --query --requisites "$system" | xargs nix-store --query --size | sed 's/^/size /'
for name in kernel initrd kernel-modules; do
	path=$(readlink -f /run/booted-system/$name) || continue
	if [ -e "$path" ]; then echo "booted $name $path"; fi
done
