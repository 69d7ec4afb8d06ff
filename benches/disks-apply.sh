#!/bin/sh
# From blank disks to mounted, the NAS of examples/nas in a lab of its own: `homehive disks apply` (which also probes,
# asks again before it writes, and keeps a journal) against the bare commands of benches/plain-nas.sh, in turn.
# After every run the plan must be empty: both have made exactly what is declared, or the benchmark fails.
# Usage: benches/disks-apply.sh [RUNS]   (at least 5; 7 if left out)
# The binary is $HOMEHIVE, or else built in release. Needs what the lab needs, and jq.
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."

runs=${1:-7}
case $runs in '' | *[!0-9]*) runs=0 ;; esac
if [ "$runs" -lt 5 ]; then
    echo "usage: benches/disks-apply.sh [RUNS]: a number, at least 5" >&2
    exit 2
fi
command -v jq >/dev/null || {
    echo "disks-apply: jq is not installed" >&2
    exit 4
}
if [ -z "${HOMEHIVE-}" ]; then
    cargo build --locked --quiet --release --package homehive
    HOMEHIVE=${CARGO_TARGET_DIR:-target}/release/homehive
fi

# Sockets lie in it, and their paths may not be long.
dir=$(mktemp -d /tmp/homehive-bench.XXXXXX)
finish() {
    status=$?
    trap - EXIT INT TERM
    if [ "$status" -ne 0 ] && [ -e "$dir/log" ]; then tail -n 30 "$dir/log" >&2; fi
    homehive lab down >/dev/null 2>&1 || status=4
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$dir/fleet"
cp examples/nas/fleet.toml "$dir/fleet/"
homehive() { XDG_STATE_HOME=$dir/state "$HOMEHIVE" --plain --fleet "$dir/fleet/fleet.toml" "$@" 2>>"$dir/log"; }

homehive lab up nas >/dev/null
accel=$(homehive --json lab status | jq -r .answer.accel)
lab_fleet=$(homehive --json lab status | jq -r .answer.fleet)
root_size=$(jq -r .machines.nas.storage.disk.nvme.content.partitions.root.size "$lab_fleet")

# run apply|plain: from blank to mounted; seconds on standard output.
run() {
    homehive lab ssh nas -- sh -s <benches/blank-nas.sh >/dev/null
    begin=$(date +%s%N)
    case $1 in
    apply) homehive --lab disks apply nas >/dev/null </dev/null ;;
    plain) homehive lab ssh nas -- sh -s -- "$root_size" <benches/plain-nas.sh >/dev/null ;;
    esac
    end=$(date +%s%N)
    homehive --lab --json disks plan nas </dev/null |
        jq -e '.answer.plan | .steps == [] and .refusals == [] and .hidden == []' >/dev/null || {
        echo "disks-apply: after $1, the disks are not what is declared" >&2
        homehive --lab disks plan nas </dev/null >&2
        return 1
    }
    awk "BEGIN { printf \"%.2f\\n\", ($end - $begin) / 1e9 }"
}

# The first of each reads programs from the medium that the others find in memory, so it does not count.
run apply >/dev/null
run plain >/dev/null
echo "from blank disks to mounted, $runs runs each, processors: $accel"
echo "run  apply s  plain s"
number=0
while [ "$number" -lt "$runs" ]; do
    number=$((number + 1))
    apply=$(run apply)
    plain=$(run plain)
    echo "$apply" >>"$dir/apply"
    echo "$plain" >>"$dir/plain"
    printf '%3d  %7s  %7s\n' "$number" "$apply" "$plain"
done

median() { sort -n "$1" | awk '{ all[NR] = $1 } END { h = int((NR + 1) / 2); print NR % 2 ? all[h] : (all[h] + all[h + 1]) / 2 }'; }
for what in apply plain; do
    printf '%s: median %s s, least %s s, most %s s\n' "$what" "$(median "$dir/$what")" \
        "$(sort -n "$dir/$what" | head -n 1)" "$(sort -n "$dir/$what" | tail -n 1)"
done
awk "BEGIN { printf \"apply/plain, by medians: %.2f\\n\", $(median "$dir/apply") / $(median "$dir/plain") }"
