#!/bin/sh
# From blank disks to mounted, the NAS of examples/nas in a lab of its own: `homehive disks apply` (which also probes,
# asks again before it writes, and keeps a journal) against the bare commands of benches/plain-nas.sh, in turn.
# After every run the plan must be empty: both have made exactly what is declared, or the benchmark fails.
# Behind each, `disks apply` runs once more, with nothing to do; and at the end eleven times, when the array is in step.
# With $HOMEHIVE_DISKO, a checkout of disko, and $HOMEHIVE_NIXPKGS its own script for the same layout (benches/nas-disko.nix) runs
# in turn with them, and once again behind itself; nix-instantiate generates it, and sgdisk and parted of this machine go along.
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

whats='apply plain'
if [ -n "${HOMEHIVE_DISKO-}" ] && [ -n "${HOMEHIVE_NIXPKGS-}" ]; then
    for tool in nix-instantiate sgdisk parted partprobe; do
        command -v "$tool" >/dev/null || {
            echo "disks-apply: for disko's script $tool is wanted (apt install gdisk parted)" >&2
            exit 4
        }
    done
    whats='apply plain disko'
fi

homehive lab up nas >/dev/null
accel=$(homehive --json lab status | jq -r .answer.accel)
lab_fleet=$(homehive --json lab status | jq -r .answer.fleet)
root_size=$(jq -r .machines.nas.storage.disk.nvme.content.partitions.root.size "$lab_fleet")

# disko's script for this layout, and what of its tools the lab's machine lacks, with the libraries that they want.
prepare_disko() {
    nix-instantiate --eval --strict --json --argstr size "${root_size%iB}" --argstr nixpkgs "$HOMEHIVE_NIXPKGS" \
        --argstr disko "$HOMEHIVE_DISKO" --argstr tree "$PWD/benches/nas-disko.nix" -E '
        { size, nixpkgs, disko, tree }: let
            lib = import (nixpkgs + "/lib");
            diskoLib = import (disko + "/lib") { inherit lib; rootMountPoint = "/mnt"; };
            all = (lib.evalModules { modules = [ {
                options.disko.devices = lib.mkOption { type = diskoLib.toplevel; };
                config = import tree size;
            } ]; }).config.disko.devices;
        in all._create + all._mount' 2>>"$dir/log" >"$dir/script.json"
    {
        # shellcheck disable=SC2016 # the machine's own PATH
        echo 'export PATH=/run/tools:$PATH LD_LIBRARY_PATH=/run/tools/lib'
        # What an init makes, and bash wants.
        echo '[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd'
        jq -r . "$dir/script.json"
    } >"$dir/disko.sh"
    mkdir -p "$dir/tools/lib"
    for tool in sgdisk parted partprobe; do
        path=$(command -v "$tool")
        cp "$path" "$dir/tools/"
        ldd "$path" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | while read -r library; do
            case $library in */libc.so* | */libm.so*) ;; *) cp -L "$library" "$dir/tools/lib/" ;; esac
        done
    done
    tar -C "$dir/tools" -cf - . | homehive lab ssh nas -- tar -C /run --transform 's,^\.,tools,' -xf -
}

# timed FILE COMMAND...: runs it, and adds the seconds that it took to the file; ends as it does.
timed() {
    file=$dir/$1
    shift
    begin=$(date +%s%N)
    status=0
    "$@" || status=$?
    end=$(date +%s%N)
    awk "BEGIN { printf \"%.2f\\n\", ($end - $begin) / 1e9 }" >>"$file"
    return "$status"
}

apply() { homehive --lab disks apply nas >/dev/null </dev/null; }
plain() { homehive lab ssh nas -- sh -s -- "$root_size" <benches/plain-nas.sh >/dev/null; }
disko() { homehive lab ssh nas -- bash -s <"$dir/disko.sh" >/dev/null; }

# run apply|plain|disko: from blank to mounted, then once more with nothing to do.
run() {
    homehive lab ssh nas -- sh -s <benches/blank-nas.sh >/dev/null
    timed "$1" "$1"
    if [ "$1" = disko ]; then
        for place in /mnt/boot /mnt/data; do homehive lab ssh nas -- findmnt "$place" >/dev/null; done
        # As a second run ends, so it is told.
        again=0
        timed disko-again disko || again=$?
        echo "$again" >>"$dir/disko-status"
        return
    fi
    homehive --lab --json disks plan nas </dev/null |
        jq -e '.answer.plan | .steps == [] and .refusals == [] and .hidden == []' >/dev/null || {
        echo "disks-apply: after $1, the disks are not what is declared" >&2
        homehive --lab disks plan nas </dev/null >&2
        return 1
    }
    timed again apply
}

case $whats in *disko) prepare_disko ;; esac
# The first of each reads programs from the medium that the others find in memory, so it does not count.
for what in $whats; do run "$what"; done
rm -f "$dir"/apply "$dir"/plain "$dir"/disko "$dir"/again "$dir"/disko-again "$dir"/disko-status
echo "from blank disks to mounted, $runs runs each, seconds, processors: $accel"
printf 'run '
for what in $whats; do printf '  %6s' "$what"; done
echo
number=0
while [ "$number" -lt "$runs" ]; do
    number=$((number + 1))
    printf '%3d ' "$number"
    for what in $whats; do
        run "$what"
        printf '  %6s' "$(tail -n 1 "$dir/$what")"
    done
    echo
done

# What was made last is disko's, or is in step by now.
homehive lab ssh nas -- sh -s <benches/blank-nas.sh >/dev/null
apply
homehive lab ssh nas -- timeout 600 sh -c 'while grep -q resync /proc/mdstat; do sleep 1; done' >/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11; do timed idle apply; done

median() { sort -n "$1" | awk '{ all[NR] = $1 } END { h = int((NR + 1) / 2); print NR % 2 ? all[h] : (all[h] + all[h + 1]) / 2 }'; }
for what in $whats again idle; do
    printf '%s: median %s s, least %s s, most %s s\n' "$what" "$(median "$dir/$what")" \
        "$(sort -n "$dir/$what" | head -n 1)" "$(sort -n "$dir/$what" | tail -n 1)"
done
for what in ${whats#apply}; do
    awk "BEGIN { printf \"apply/$what, by medians: %.2f\\n\", $(median "$dir/apply") / $(median "$dir/$what") }"
done
case $whats in
*disko)
    echo "disko again: median $(median "$dir/disko-again") s, ended with $(sort -u "$dir/disko-status" | tr '\n' ' ')"
    ;;
esac
