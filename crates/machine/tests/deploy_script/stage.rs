//! The machine on which the script is played: stand-ins for its programs, and words for what is done to it.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The machine: it runs and boots `old`, generation 1. The story of what is called goes to `$place/story`; a file
/// `$place/NAME.VERB` has that system's `switch-to-configuration VERB` end with what it holds, and `$place/bad-disk` names what no
/// `sync` brings to the disk. Where there is `$place/tell-syncs`, each `sync` is told.
const MACHINE: &str = r#"
set -u
place=$1 script=$2 judge=$3
for dir in /run /var/lib; do mount -t tmpfs none $dir; done
mkdir -p /nix/var/nix/profiles /run/homehive /var/lib/homehive /run/boot
mount -t tmpfs none /nix/var/nix/profiles
mount --bind /run/boot /boot
PATH=$place/bin:$PATH
export PATH place
cd /nix/var/nix/profiles
ln -s "$place/old" system-1-link
ln -s system-1-link system
ln -s "$place/old" /run/current-system
ln -s "$place/old" /run/booted-system
: >"$place/failed"
echo "2: eth0    inet 192.168.1.11/24 scope global eth0" >"$place/addresses"
echo "2: eth0    inet6 fe80::1/64 scope link" >>"$place/addresses"
say() { echo "$*" >>"$place/story"; }
told() { # $1: id, $2: verb, $3…: the rest
	id=$1 verb=$2
	shift 2
	cp "$script" "/run/homehive/$id.sh"
	sh "/run/homehive/$id.sh" "$verb" "$id" "$@" || say "$verb: $?"
}
taken() { # $1: id, $2: NEW, $3: its generation if it has one
	told "$1" lock somebody 1500 "$place/$2" 1 "${address-192.168.1.11}" "${3:-}"
}
phase() { say "phase: $(cat /run/homehive/deploy/phase 2>/dev/null || echo none)"; }
profile() { say "profile: $(readlink system), generations: $(echo system-*-link)"; }
outcome() { say "then $(sed -n 's/^then //p' /var/lib/homehive/outcome): $(sed -n 's/^why //p' /var/lib/homehive/outcome)"; }
left() { say "left:$(cd /var/lib/homehive && for it in boot-trial menu-unsettled; do [ ! -e $it ] || printf ' %s' $it; done)"; }
read_only() { # what the deployment keeps cannot be written any more
	mount --bind /var/lib/homehive /var/lib/homehive
	mount -o remount,bind,ro /var/lib/homehive
}
restart() { # the machine starts again, into $1
	rm -rf /run/homehive
	mkdir /run/homehive
	ln -sfn "$place/$1" /run/booted-system
	ln -sfn "$place/$1" /run/current-system
}
"#;

/// Stand-ins for programs. A timer is told of and does not run; a unit runs at once.
const PROGRAMS: [(&str, &str); 8] = [
    (
        "systemctl",
        r#"case "$*" in
*list-units*) cat "$place/failed" ;;
*show*) echo not-found ;;
*reboot*) echo "$*" >>"$place/story" ;;
"start --no-block homehive-back-"*) id=${3#homehive-back-}; sh "/run/homehive/${id%.service}.sh" do-back "${id%.service}" ;;
esac"#,
    ),
    (
        "systemd-run",
        r#"[ ! -e "$place/no-units" ] || { echo "no units here" >&2; exit 1; }
later=
while [ "$1" != -- ]; do
	case $1 in --on-active=*) later=yes ;; --unit=*) echo "unit ${1#--unit=}" >>"$place/story" ;; esac
	shift
done
shift
[ -n "$later" ] || "$@" || true"#,
    ),
    (
        "nix-env",
        r#"[ ! -e "$place/no-nix" ] || { echo "no Nix here" >&2; exit 1; }
profile=$2
case $3 in
--switch-generation) [ -e "$profile-$4-link" ] && ln -sfn "system-$4-link" "$profile" ;;
--set)
	number=$(ls -d "$profile"-*-link | sed 's/.*-\([0-9]*\)-link/\1/' | sort -n | tail -n 1)
	[ "$(readlink "$profile-$number-link")" = "$4" ] || { number=$((number + 1)); ln -s "$4" "$profile-$number-link"; }
	ln -sfn "system-$number-link" "$profile"
	;;
esac"#,
    ),
    ("ip", r#"cat "$place/addresses""#),
    (
        "grub-editenv",
        r#"[ ! -e "$place/no-loader" ] || { echo "no loader here" >&2; exit 1; }
case $2 in unset) echo "next entry: none" ;; *) echo "next entry" ;; esac >>"$place/story"
[ "$2" = unset ] || [ ! -e "$place/half" ]"#,
    ),
    ("bootctl", r#"echo "one shot: ${2:-none}" >>"$place/story""#),
    ("sleep", ":"),
    (
        "sync",
        r#"for last; do :; done
[ ! -e "$place/tell-syncs" ] || echo "sync${last:+ $last}" >>"$place/story"
[ ! -e "$place/bad-disk" ] || [ "${last:-}" != "$(cat "$place/bad-disk")" ] || { echo "sync: error syncing '$last'" >&2; exit 1; }"#,
    ),
];

/// A system's own switch.
const SWITCH: &str = r#"#!/bin/sh
name=$(basename "$(dirname "$(dirname "$(readlink -f "$0")")")")
echo "$name $1" >>"$place/story"
if [ -e "$place/full" ] && [ "$(ls -d /nix/var/nix/profiles/system-*-link | wc -l)" -gt 1 ]; then echo "No space left"; exit 1; fi
[ ! -e "$place/$name.$1" ] || { echo "$name cannot $1"; exit "$(cat "$place/$name.$1")"; }
[ "$1" != test ] || ln -sfn "$(readlink -f "$place/$name")" /run/current-system
"#;

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(path, mode).unwrap();
}

/// What is called on a machine during `scenario`; none where there can be no such machine, and that is said.
pub fn story(scenario: &str) -> Option<String> {
    let private = Command::new("unshare").args(["--mount", "true"]).status();
    if !private.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a mount namespace of one's own (root's rights, util-linux)");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    for (name, text) in PROGRAMS {
        put(&place.join("bin").join(name), &format!("#!/bin/sh\n{text}\n"));
    }
    for system in ["old", "new", "other"] {
        put(&place.join(system).join("bin/switch-to-configuration"), SWITCH);
    }
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/deploy");
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &format!("{MACHINE}\n{scenario}"), "sh"])
        .args([place, &deploy.join("deploy.sh"), &deploy.join("boot-trial.sh")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{scenario}\n{said}");
    let story = fs::read_to_string(place.join("story")).unwrap_or_default();
    Some(story.replace(&place.display().to_string(), "/s"))
}
