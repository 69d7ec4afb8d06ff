#!/bin/sh
# Runs a script of this repository in a Debian container, for machines that are not Debian or shall stay as they are.
# Usage: scripts/container.sh ./SCRIPT [ARG]…
set -eu
cd "$(dirname "$0")/.."

engine=$(command -v podman || command -v docker) || {
    echo "container: neither podman nor docker is installed" >&2
    exit 4
}
set -- "$engine" run --rm --volume "$PWD:/work" --volume homehive-cache:/root/.cache \
    --volume homehive-cargo:/root/.cargo --volume homehive-rustup:/root/.rustup \
    --env CARGO_TARGET_DIR=/root/.cache/homehive/target --workdir /work \
    debian:12 "$@"
if [ -w /dev/kvm ]; then
    engine=$1
    shift 2
    set -- "$engine" run --device /dev/kvm "$@"
fi
exec "$@"
