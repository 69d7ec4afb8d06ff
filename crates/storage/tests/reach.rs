//! What the standalone script refuses to take down, for it reaches over disks that were not named. The disks are played; what is
//! tried is the script as it is written, up to where it would begin to wipe.
#![expect(clippy::disallowed_types, reason = "what a script is worth is what a real shell does")]

mod common;

use common::wish;
use std::process::Command;
use storage::script;

/// Two declared disks, `sda` and `sdb`.
const TREE: &str = r#"
disk.a = { serial = "A", content = { type = "filesystem", format = "ext4", mountpoint = "/a" } }
disk.b = { serial = "B", content = { type = "filesystem", format = "ext4", mountpoint = "/b" } }
"#;

/// `$mounts` is what is mounted, `$above` what stands on `sda`, `$below` what each of that stands on (`DEVICE:` and lsblk's lines),
/// `$btrfs` and `$groups` are the tools' own lines. Nothing is blank.
const MACHINE: &str = r#"
id() { echo 0; }
blockdev() { echo 8192; }
wipefs() { echo signature; }
pvs() { printf '%s' "$groups"; }
lsblk() {
    for last in "$@"; do :; done
    case "$*" in
    *MOUNTPOINT*) printf '%s\n' "$mounts" ;;
    *SERIAL*a) echo A ;;
    *SERIAL*b) echo B ;;
    *FSTYPE*) printf '%s' "$btrfs" ;;
    *--nodeps*) printf '/dev/sda disk\n/dev/sdb disk\n/dev/sdc disk\n' ;;
    *--inverse*)
        case $last in
        /dev/sd?) echo "$last disk" ;;
        /dev/sd*) printf '%s part\n%s disk\n' "$last" "${last%?}" ;;
        *)
            printf '%s\n' "$below" | sed -n "s|^$last:||p" | tr ' ' '\n' | sed 's/=/ /' | grep . || return 1
            ;;
        esac
        ;;
    */dev/sda) printf '/dev/sda\n/dev/sda1\n%s\n' "$above" ;;
    *) echo "$last" ;;
    esac
}
"#;

#[test]
fn what_reaches_over_other_disks_is_not_taken_down() {
    let over = |what: &str, disk: &str| {
        format!(
            "error: disk.a (/dev/sda): {what} reaches over {disk} too, which --wipe does not name. Name that disk too, or take disk.a out of {what}"
        )
    };
    let array = "above=/dev/md127 below='/dev/md127:/dev/md127=raid1 /dev/sda1=part /dev/sda=disk /dev/sdb1=part /dev/sdb=disk'";
    let foreign = "above=/dev/md127 below='/dev/md127:/dev/md127=raid1 /dev/sda1=part /dev/sda=disk /dev/sdc=disk'";
    let volume = "above='/dev/md1 /dev/mapper/nas-media' below='/dev/md1:/dev/md1=raid0 /dev/sda1=part /dev/sda=disk
/dev/mapper/nas-media:/dev/mapper/nas-media=lvm /dev/md1=raid0 /dev/sda1=part /dev/sda=disk /dev/sdb=disk'";
    let crypt =
        "above=/dev/mapper/vault below='/dev/mapper/vault:/dev/mapper/vault=crypt /dev/sda1=part /dev/sda=disk'";
    let (a, both): (&[&str], &[&str]) = (&["disk.a"], &["disk.a", "disk.b"]);
    for (case, machine, named, expected) in [
        ("nothing stands on it", "", both, String::new()),
        ("an array over both, both named", array, both, String::new()),
        ("an array over both, one named", array, a, over("/dev/md127", "/dev/sdb")),
        ("an array over a disk that is not declared", foreign, both, over("/dev/md127", "/dev/sdc")),
        ("a volume on an array and another disk", volume, a, over("/dev/mapper/nas-media", "/dev/sdb")),
        ("an open container of its own", crypt, a, String::new()),
        (
            "a group of both, whose volumes keep apart",
            "groups='  nas /dev/sda1\n  nas /dev/sdb1\n'",
            a,
            over("nas", "/dev/sdb"),
        ),
        (
            "a group of its own, and one of another disk",
            "groups='  nas /dev/sda1\n  other /dev/sdb\n  other /dev/sdc\n'",
            a,
            String::new(),
        ),
        (
            "a btrfs of both",
            "btrfs='  /dev/sda\nbtrfs 1-2 /dev/sda1\nbtrfs 1-2 /dev/sdb1\n'",
            a,
            over("1-2", "/dev/sdb"),
        ),
        (
            "swap on what stands on it",
            "mounts='\n\n[SWAP]'",
            a,
            "error: disk.a (/dev/sda) is mounted or swap".to_owned(),
        ),
        (
            "what an array stands on is not told",
            "above=/dev/md127",
            a,
            "error: what /dev/md127 stands on is not known".to_owned(),
        ),
    ] {
        let text = script(&wish(TREE), &[]).unwrap();
        let until = text.find("\nclear ").unwrap();
        // `disk.b` is not in question where it is not named.
        let blank = if named.len() == 1 {
            "wipefs() { case $* in *sdb) ;; *) echo signature ;; esac; }\ncmp() { :; }"
        } else {
            ""
        };
        let machine = machine.replace("\\n", "\n");
        let script =
            format!("mounts= above= below= btrfs= groups=\n{MACHINE}\n{blank}\n{machine}\n{}\n", &text[..until]);
        let words = named.iter().flat_map(|node| ["--wipe", node]);
        let output = Command::new("sh").args(["-c", &script, "disks"]).args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.trim_end(), expected, "{case}");
        assert_eq!(output.status.success(), expected.is_empty(), "{case}: {said}");
    }
}
