#!/bin/sh
# An API server of Kubernetes for the tests, from Debian's archive alone: kube-apiserver built from the source package
# `kubernetes` of Debian 12 with that release's own Go compiler, and its etcd. Nothing is installed: all of it lies in a
# cache of its own, named by what it is made of, and apt is asked with lists of its own. Root is not needed.
# Usage: scripts/apiserver.sh build    builds it unless it is there (some minutes, once); where a k3s is, nothing is built
#        scripts/apiserver.sh path     prints the directory with kube-apiserver and etcd; status 1 if it is not built yet
# The archive is HOMEHIVE_DEBIAN_MIRROR, else http://deb.debian.org/debian. A build that is cut goes on where it was.
set -eu

say() { printf 'apiserver: %s\n' "$*" >&2; }
die() { printf 'apiserver: %s\n' "$*" >&2; exit 4; }
have() { command -v "$1" >/dev/null 2>&1; }

release=bookworm
# Debian's reflect2 1.0.2: the vendored 1.0.1 crashes with Go 1.18 and later.
packages="golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev etcd-server"

# Raised when what is built below changes in any other way.
recipe=1
key=$(echo "$release $packages $recipe $(uname -m)" | sha256sum | cut -c1-16)
root=${XDG_CACHE_HOME:-$HOME/.cache}/homehive/apiserver
place=$root/$key

there() { [ -x "$place/kube-apiserver" ] && [ -x "$place/etcd" ]; }

case ${1:-} in
path)
    there || exit 1
    echo "$place"
    exit 0
    ;;
build) ;;
*)
    echo "usage: scripts/apiserver.sh build|path" >&2
    exit 2
    ;;
esac

if there; then
    say "is there: $place"
    exit 0
fi
have apt-get || die "no API server for the tests: it is built from Debian's archive, and this machine has no apt-get"
for tool in dpkg-deb dpkg-source make rsync sha256sum; do
    have "$tool" || die "no API server for the tests: $tool is missing (packages build-essential, rsync)"
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || die "no API server for the tests: $keyring is missing (package debian-archive-keyring)"
arch=$(dpkg --print-architecture)
case $arch in
amd64 | arm64) ;;
*) die "no API server for the tests: it is built on amd64 and arm64 only, and this is $arch" ;;
esac

work=$root/work-$key
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/fetched"
# Two runs at once: the second waits for the first, and finds it done.
exec 9>"$work/lock"
have flock && { flock --nonblock 9 || { say "another run is building it: waiting for that"; flock --timeout 3600 9 || die "it took longer than an hour"; }; }
if there; then exit 0; fi
# Builds of former versions of this script are of no use any more; one that is being made holds its lock.
for old in "$root"/*; do
    case $old in "$place" | "$work") continue ;; esac
    if [ -e "$old/lock" ] && have flock && ! flock --nonblock "$old/lock" true; then continue; fi
    rm -rf "$old"
done

begin=$(date +%s)
stage() { say "$* ($(($(date +%s) - begin)) s)"; }
log=$work/log
quietly() {
    "$@" >>"$log" 2>&1 || {
        status=$?
        tail -n 20 "$log" >&2
        die "failed with $status: $*; the whole of it: $log"
    }
}

mirror=${HOMEHIVE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
cat >"$work/sources.list" <<END
deb [arch=$arch signed-by=$keyring] $mirror $release main
deb-src [signed-by=$keyring] $mirror $release main
END
# As the system's apt does where Debian is, but with lists and archives of our own, and with no key of anybody else.
apt() {
    apt-get --quiet --yes -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/archives" -o APT::Sandbox::User= \
        -o Acquire::Languages=none -o Acquire::http::Timeout=60 -o Acquire::Retries=3 "$@"
}

if ! [ -e "$work/fetched/done" ]; then
    stage "asking $mirror for Debian 12's packages"
    quietly apt update
    (apt --print-uris source --download-only kubernetes 2>>"$log" | grep -q '\.dsc') ||
        die "no API server for the tests: $mirror has no source package kubernetes in $release"
    stage "fetching kubernetes' source, Go 1.19 and etcd (125 MB)"
    # shellcheck disable=SC2086 # a list of words
    (cd "$work/fetched" && quietly apt download $packages && quietly apt source --download-only kubernetes) || exit 4
    touch "$work/fetched/done"
fi

tree=$work/go/src/k8s.io/kubernetes
if ! [ -e "$work/unpacked" ]; then
    stage "unpacking them"
    rm -rf "$work/root" "$work/go"
    mkdir -p "$work/root" "${tree%/*}"
    for package in "$work"/fetched/*.deb; do quietly dpkg-deb -x "$package" "$work/root"; done
    # apt has checked the signed lists and the sums already; dpkg-source would ask for uploaders' keys.
    quietly dpkg-source --no-check -x "$work"/fetched/kubernetes_*.dsc "$tree"
    rm -rf "$tree/vendor/github.com/modern-go/reflect2"
    cp -R "$work/root/usr/share/gocode/src/github.com/modern-go/reflect2" "$tree/vendor/github.com/modern-go/"
    touch "$work/unpacked"
fi

stage "building kube-apiserver (four to eight minutes on two cores); its own words: $log"
GOROOT=$work/root/usr/lib/go-1.19
export GOROOT GOPATH="$work/go" GO111MODULE=off GOFLAGS='' GOPROXY=off CGO_ENABLED=0
export KUBE_GIT_VERSION=v1.20.2 KUBE_GIT_COMMIT=debian KUBE_GIT_TREE_STATE=archive
PATH=$GOROOT/bin:$PATH
(
    cd "$tree"
    exec nice make WHAT=cmd/kube-apiserver
) >>"$log" 2>&1 &
make=$!
# What is told every minute tells that it lives; the compiler's cache keeps what is done when it is cut.
trap 'kill "$make" 2>/dev/null || true' INT TERM HUP
next=60
while kill -0 "$make" 2>/dev/null; do
    sleep 1
    if [ $(($(date +%s) - begin)) -ge "$next" ]; then
        stage "still building: $(find "$tree/_output/local/go/cache" -name '*-a' 2>/dev/null | wc -l) packages compiled"
        next=$((next + 60))
    fi
done
wait "$make" || { tail -n 20 "$log" >&2; die "the build failed; the whole of it: $log; the same again goes on, after rm -r $work it begins anew"; }

built=$(find "$tree/_output" -type f -name kube-apiserver -perm -u+x | head -n 1)
[ -n "$built" ] || die "the build left no kube-apiserver in $tree/_output"
"$built" --version >/dev/null || die "$built does not start"
"$work/root/usr/bin/etcd" --version >/dev/null || die "Debian 12's etcd does not start on this machine"
rm -rf "$place.new"
mkdir "$place.new"
install -m 755 "$built" "$place.new/kube-apiserver"
install -m 755 "$work/root/usr/bin/etcd" "$place.new/etcd"
rm -rf "$place"
mv "$place.new" "$place"
chmod -R u+w "$work"
rm -rf "$work"
stage "built: $place"
