#!/bin/sh
# Brings what the build, the tests and the lab need onto a Debian or Ubuntu machine; does nothing where all is there.
# Usage: scripts/setup.sh build|test
set -eu

purpose=${1:-build}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/homehive
tools=$cache/tools

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: %s\n' "$*" >&2; exit 4; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; elif have sudo; then sudo "$@"; else die "need root or sudo for: $*"; fi
}

# program:package pairs
needed="cc:build-essential curl:curl ssh:openssh-client ssh-keygen:openssh-client
    qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap mksquashfs:squashfs-tools cpio:cpio zstd:zstd xz:xz-utils
    nix-store:nix-bin busybox:busybox-static sfdisk:fdisk"
if [ "$purpose" = test ]; then
    needed="$needed shellcheck:shellcheck dash:dash /usr/sbin/sshd:openssh-server git:git rsync:rsync
    avahi-daemon:avahi-daemon avahi-resolve:avahi-utils dbus-daemon:dbus ip:iproute2 unshare:util-linux
    testparm:samba-common-bin qemu-io:qemu-utils jq:jq strace:strace kubectl:kubernetes-client
    cryptsetup:cryptsetup-bin pvcreate:lvm2"
fi

missing=
for pair in $needed; do
    program=${pair%%:*}
    have "$program" || [ -x "/usr/sbin/$program" ] || [ -x "/sbin/$program" ] || missing="$missing ${pair##*:}"
done
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
# busybox has to be the static one: it becomes part of an initrd.
if have busybox && ! [ -e /usr/share/doc/busybox-static ]; then missing="$missing busybox-static"; fi

if [ -n "$missing" ]; then
    have apt-get || die "missing:$missing; this script knows apt only, install them by hand"
    say "installing:$missing"
    as_root apt-get update -qq
    # Of avahi-daemon the tests need the program alone: none is to speak for this machine. Debian asks policy-rc.d.
    quiet=
    case $missing in
    *avahi-daemon*) [ -e /usr/sbin/policy-rc.d ] || quiet=yes ;;
    esac
    if [ -n "$quiet" ]; then
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root sh -c 'cat >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d'
    fi
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >"${TMPDIR:-/tmp}/homehive-apt.$$" 2>&1 ||
        { tail -n 20 "${TMPDIR:-/tmp}/homehive-apt.$$" >&2; die "apt-get failed"; }
    rm -f "${TMPDIR:-/tmp}/homehive-apt.$$"
    if [ -n "$quiet" ]; then
        as_root rm -f /usr/sbin/policy-rc.d
        trap - EXIT
        # Nor after the next start.
        if have systemctl; then as_root systemctl disable --quiet avahi-daemon.service avahi-daemon.socket || true; fi
    fi
fi

# Nix for one user: an ordinary user without a daemon needs a store of his own, made once.
if [ "$(id -u)" -ne 0 ] && ! [ -S /nix/var/nix/daemon-socket/socket ] && ! [ -w /nix/store ]; then
    [ ! -e /nix/store ] || die "/nix/store is there, is not yours, and no Nix daemon runs: start the daemon, or run this as root"
    say "making /nix for $(id -un)"
    as_root install -d -o "$(id -un)" -g "$(id -gn)" /nix /nix/store
fi

PATH=$HOME/.cargo/bin:$tools/bin:$PATH
want=1.95
rust=$(cargo --version 2>/dev/null | sed -n 's/^cargo \([0-9]*\.[0-9]*\).*/\1/p') || rust=
enough() { [ -n "$rust" ] && [ "$(printf '%s\n%s\n' "$want" "$rust" | sort -V | head -n 1)" = "$want" ]; }
if ! enough; then
    if have rustup; then
        say "updating Rust (found ${rust:-none}, need $want)"
        rustup toolchain install stable --profile minimal --component clippy,rustfmt
    else
        say "installing Rust by rustup (found ${rust:-none}, need $want)"
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
            sh -s -- -y --profile minimal --component clippy --component rustfmt
    fi
fi

if [ "$purpose" = test ]; then
    for tool in cargo-nextest cargo-deny; do
        # An old one on the machine is as good as none: both follow Cargo's formats closely.
        if ! [ -x "$tools/bin/$tool" ] && ! { [ "$tool" = cargo-nextest ] && have cargo-nextest; }; then
            say "building $tool (once; kept in $tools)"
            cargo install --quiet --locked --root "$tools" "$tool"
        fi
    done
fi

# Of these packages the tests need one program each. They are unpacked, not installed: Debian starts their daemons at once.
if [ "$purpose" = test ]; then
    for pair in promtool:prometheus amtool:prometheus-alertmanager; do
        program=${pair%%:*} package=${pair##*:}
        if have "$program"; then continue; fi
        have apt-get || die "missing: $program (Debian's package $package); this script knows apt only, install it by hand"
        say "unpacking $program from $package (kept in $tools)"
        work=$(mktemp -d)
        # The lists may be older than what the archive has.
        (cd "$work" && apt-get download -qq "$package" >/dev/null 2>&1) ||
            { as_root apt-get update -qq && (cd "$work" && apt-get download -qq "$package" >/dev/null); } ||
            { rm -rf "$work"; die "apt-get download $package failed"; }
        dpkg-deb --extract "$work/$package"_*.deb "$work/tree"
        mkdir -p "$tools/bin"
        install -m 755 "$work/tree/usr/bin/$program" "$tools/bin/$program"
        rm -rf "$work"
    done
fi
