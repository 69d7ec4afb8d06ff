#!/bin/sh
# The main job: eight blank virtual disks become the NAS of examples/nas, which is then hurt, healed and reinstalled.
# Sets up what it needs on Debian or Ubuntu. Usage: ./demo.sh [--container] [options of `homehive lab run`]
set -eu
cd "$(dirname "$0")"

if [ "${1:-}" = --container ]; then
    shift
    exec scripts/container.sh ./demo.sh "$@"
fi

scripts/setup.sh build
PATH=$HOME/.cargo/bin:$PATH:/usr/sbin:/sbin
export PATH

echo "demo: building homehive" >&2
cargo build --locked --release --package homehive
exec "${CARGO_TARGET_DIR:-target}/release/homehive" --fleet examples/nas/fleet.toml lab run "$@"
