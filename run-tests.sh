#!/bin/sh
# All tests, from the formatter to a whole lab run. Sets up what it needs on Debian or Ubuntu.
# Usage: ./run-tests.sh [--container] [--no-lab|--all]
# --all: every power cut, behind each step and at 200 moments; 20,000 cases of each law; ten minutes of fuzzing each parser;
# each layout of disko, if HOMEHIVE_DISKO names a checkout of it; some thirty edits of a living machine; a guest with ZFS.
# Takes a day.
set -eu
cd "$(dirname "$0")"

if [ "${1:-}" = --container ]; then
    shift
    exec scripts/container.sh ./run-tests.sh "$@"
fi

lab=yes
profile=default
for word in "$@"; do
    case $word in
    --no-lab) lab=no ;;
    --all)
        profile=all
        HOMEHIVE_CUTS=all
        HOMEHIVE_LAYOUTS=all
        HOMEHIVE_TRANSITIONS=all
        HOMEHIVE_ZFS=all
        PROPTEST_CASES=20000
        export HOMEHIVE_CUTS HOMEHIVE_LAYOUTS HOMEHIVE_TRANSITIONS HOMEHIVE_ZFS PROPTEST_CASES
        ;;
    *)
        echo "usage: ./run-tests.sh [--container] [--no-lab|--all]" >&2
        exit 2
        ;;
    esac
done

scripts/setup.sh test
PATH=$HOME/.cargo/bin:${XDG_CACHE_HOME:-$HOME/.cache}/homehive/tools/bin:$PATH:/usr/sbin:/sbin
export PATH

begin=$(date +%s)
stage() { printf '\n== %s (%s s)\n' "$*" "$(($(date +%s) - begin))"; }

stage format
cargo fmt --all --check
stage lint
cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
stage "shell scripts"
git ls-files '*.sh' .ci/run | while read -r file; do
    case $(head -n 1 "$file") in
    '#!'*) shellcheck "$file" ;;
    # A piece of a larger script, which a test of its own checks whole.
    *) shellcheck --shell=sh --exclude=SC2154 "$file" ;;
    esac
done
stage dependencies
# Those of other systems, too: they are judged, though never built here.
cargo fetch --locked --quiet
cargo deny --offline check --hide-inclusion-graph bans licenses sources
if timeout 60 cargo deny check --hide-inclusion-graph advisories >/dev/null 2>&1; then
    echo "advisories: none"
elif timeout 60 cargo deny fetch db >/dev/null 2>&1; then
    cargo deny check --hide-inclusion-graph advisories
else
    echo "skipped: advisories: the advisory database cannot be fetched from here"
fi
stage "documentation tests"
cargo test --locked --workspace --doc --quiet
stage nixos
# The tests themselves skip what they cannot do; this tells which of them that will be.
if [ -z "${HOMEHIVE_NIXPKGS:-}" ] || [ -z "${HOMEHIVE_AGENIX:-}" ]; then
    echo "skipped: evaluating what is rendered, and the functions of the flake:" \
        "HOMEHIVE_NIXPKGS or HOMEHIVE_AGENIX is not set (each the path of a source tree)"
elif ! nix-instantiate --eval --readonly-mode --expr 'assert builtins.compareVersions builtins.nixVersion "2.18" >= 0; true' >/dev/null 2>&1; then
    echo "skipped: evaluating what is rendered: nix 2.18 or later is not on this machine"
else
    echo "rendered examples are evaluated with $HOMEHIVE_NIXPKGS"
fi
if command -v nix-instantiate >/dev/null; then
    git ls-files flake.nix 'nix/*.nix' | while read -r file; do nix-instantiate --parse "$file" >/dev/null; done
else
    echo "skipped: parsing the repository's own Nix: nix-instantiate is not on this machine"
fi
stage "an API server for the tests"
# The tests themselves skip what they cannot do without it, and say so.
scripts/apiserver.sh build || echo "skipped: tests on a real API server: there is none (see above)"
stage tests
if [ -z "${HOMEHIVE_CHARTS:-}" ]; then
    echo "skipped: values of charts against the charts themselves: HOMEHIVE_CHARTS is not set (a folder of charts)"
elif ! command -v helm >/dev/null; then
    echo "skipped: what charts make of their values: helm is not on this machine"
fi
if [ "$lab" = no ]; then
    echo "skipped: tests that boot machines (--no-lab)"
    cargo nextest run --locked --workspace --filterset 'not test(/in_the_lab/)'
else
    # Two that boot machines, and one of the others, which wait more than they work.
    cargo nextest run --locked --workspace --profile "$profile" --test-threads "$(($(nproc) + 1))"
fi
if [ "$profile" = all ]; then
    stage fuzzing
    command -v cargo-fuzz >/dev/null ||
        cargo install --quiet --locked --root "${XDG_CACHE_HOME:-$HOME/.cache}/homehive/tools" cargo-fuzz
    fuzz/run.sh 600
fi
stage "all done"
