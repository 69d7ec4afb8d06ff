# Runs words with another root directory, in namespaces of its own: unshare --mount --pid --fork --kill-child sh -s -- ROOT WORD…
# What is mounted here, and whatever the words leave running, ends with them, so that the root can be unmounted.
enter() {
    set -eu
    root=$1
    shift
    for dir in dev sys; do
        mkdir -p "$root/$dir"
        mount --rbind "/$dir" "$root/$dir"
    done
    mkdir -p "$root/proc"
    mount -t proc proc "$root/proc"
    exec chroot "$root" "$@"
}
enter "$@" </dev/null
