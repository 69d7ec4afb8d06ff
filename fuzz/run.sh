#!/bin/sh
# Feeds every parser what a fuzzer thinks of. What makes one fall is left in fuzz/artifacts, and is the reason of a failure.
# Usage: fuzz/run.sh [SECONDS for each target] [TARGET...]; needs `cargo install cargo-fuzz`.
set -eu
cd "$(dirname "$0")/.."

seconds=${1:-60}
[ $# -eq 0 ] || shift
# shellcheck disable=SC2046 # one word a target
[ $# -gt 0 ] || set -- $(cargo fuzz list)

failed=
for target in "$@"; do
    echo "== $target: $seconds s"
    # Found inputs go into a directory of their own: the corpus of the repository stays small.
    found=target/fuzz-found/$target
    mkdir -p "$found"
    cargo fuzz run --sanitizer none "$target" "$found" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        >"$found.log" 2>&1 || {
        failed="$failed $target"
        tail -n 40 "$found.log"
    }
    grep '^stat::' "$found.log" || true
done
[ -z "$failed" ] || {
    echo "fell:$failed" >&2
    exit 1
}
