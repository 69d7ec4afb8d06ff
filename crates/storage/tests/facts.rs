//! What the probe printed on real machines of the lab, parsed; and that no output makes the parser fall.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read fixtures and may fall"
)]

use proptest::prelude::*;
use std::fmt::Write as _;
use storage::facts::{Array, Content, DeviceKind, Facts, FactsError, MemberState, Partition};
use storage::probe;

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn facts(name: &str) -> Facts {
    probe::parse(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every state that was captured.
const STATES: [&str; 17] = [
    "blank",
    "foreign",
    "tables",
    "mkfs-cut",
    "pvs",
    "volumes",
    "complete",
    "failed",
    "replaced",
    "rebuilding",
    "no-cache",
    "inactive",
    "missing",
    "rebooted",
    "begun",
    "swapped",
    // Since drivers are asked for.
    "hardware",
];

/// Between label and metadata another command may write: LVM then says that it reads again, on standard output.
#[test]
fn what_lvm_says_beside_its_report_is_not_in_it() {
    let script = probe::SCRIPT;
    let begin = script.find("list_volumes() {").unwrap();
    let end = begin + script[begin..].find("\n}\n").unwrap() + 3;
    let words = "volumes=yes; lvm() { echo '  Retrying metadata scan.'; echo report >&\"${LVM_REPORT_FD-1}\"; }";
    let script = format!("{words}\n{}list_volumes", &script[begin..end]);
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "report\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "  Retrying metadata scan.\n");
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

/// One line a thing, so that a difference is seen.
fn drawn(facts: &Facts) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "machine {}", json(&facts.machine));
    for device in &facts.devices {
        let _ = writeln!(text, "device {}", json(device));
    }
    for array in &facts.arrays {
        let _ = writeln!(text, "array {}", json(array));
    }
    for group in &facts.groups {
        let _ = writeln!(text, "group {}", json(group));
    }
    for mount in &facts.mounts {
        let _ = writeln!(text, "mount {}", json(mount));
    }
    let _ = writeln!(text, "swaps {:?}", facts.swaps);
    text
}

#[test]
fn every_state_as_facts() {
    for state in STATES {
        insta::assert_snapshot!(state, drawn(&facts(state)));
    }
}

#[test]
fn facts_survive_json() {
    for state in STATES {
        let facts = facts(state);
        let text = serde_json::to_string_pretty(&facts).unwrap();
        assert_eq!(Facts::from_json(&text), Ok(facts), "{state}");
    }
}

/// What the states were made to show.
#[test]
fn states_show_what_was_done_to_them() {
    let content = |state: &str, serial: &str| {
        let facts = facts(state);
        facts.devices.iter().find(|device| device.serial.as_deref() == Some(serial)).unwrap().content.clone()
    };
    for serial in ["LABUSB0001", "LABNVME0001", "LABSATA0001", "LABSATA0006"] {
        assert_eq!(content("blank", serial), Content::Blank, "{serial}");
    }
    assert!(matches!(content("foreign", "LABSATA0001"), Content::Filesystem { format, .. } if format == "ext4"));
    assert_eq!(content("foreign", "LABSATA0002"), Content::Unknown);
    assert!(matches!(content("foreign", "LABSATA0003"), Content::Table { label, .. } if label == "gpt"));
    let of = |state: &str, name: &str| facts(state).device(name).unwrap().content.clone();
    assert!(matches!(of("mkfs-cut", "nvme0n1p1"), Content::Filesystem { unfinished: true, .. }));
    assert!(matches!(of("complete", "nvme0n1p1"), Content::Filesystem { unfinished: false, .. }));
    let states = |state: &str| -> Vec<MemberState> {
        facts(state).arrays[0].members.iter().map(|member| member.state).collect()
    };
    let whole = |count: usize| vec![MemberState::InSync; count];
    assert_eq!(states("complete"), whole(6));
    assert_eq!(states("missing"), whole(5));
    assert!(states("failed").contains(&MemberState::Faulty));
    assert!(states("rebuilding").contains(&MemberState::Rebuilding));
    assert!(facts("inactive").arrays.is_empty());
    // Three of six members found: the array is begun, cannot start, and has no device yet.
    let begun = facts("begun").arrays.remove(0);
    assert_eq!((begun.active, begun.members.len(), begun.devices, begun.name.as_str()), (false, 3, 6, "nas"));
    assert_eq!(facts("inactive").groups[0].missing, 1);
}

fn member(facts: &mut Facts) -> &mut Array {
    &mut facts.arrays[0]
}

fn partition(facts: &mut Facts) -> &mut Partition {
    let device = facts.devices.iter_mut().find(|device| device.name == "nvme0n1p2").unwrap();
    device.partition.as_mut().unwrap()
}

#[test]
fn facts_that_make_no_sense_are_refused() {
    type Spoil = fn(&mut Facts);
    let rows: [(&str, Spoil); 22] = [
        ("facts of version 2", |facts| facts.version = 2),
        ("device sda: stands there twice", |facts| facts.devices.push(facts.devices[0].clone())),
        ("device sda: has no size", |facts| facts.devices[0].size = 0),
        ("device sda: has sectors of 100 bytes", |facts| facts.devices[0].sector = 100),
        ("device sda: path `/etc/passwd` is no device's", |facts| facts.devices[0].path = "/etc/passwd".into()),
        ("device sda: path `/dev/../x` is no device's", |facts| facts.devices[0].path = "/dev/../x".into()),
        ("device sda: lies on `sdz`, which is unknown", |facts| facts.devices[0].parents.push("sdz".into())),
        ("lies on itself", |facts| facts.devices[0].parents.push("md127".into())),
        ("device nvme0n1p2: is a partition of 0 disks", |facts| {
            facts.devices.iter_mut().find(|device| device.name == "nvme0n1p2").unwrap().parents.clear();
        }),
        ("has a place in a table and is no partition", |facts| {
            facts.devices.iter_mut().find(|device| device.name == "nvme0n1p2").unwrap().kind = DeviceKind::Other;
        }),
        ("bytes by the table", |facts| partition(facts).size += 512),
        ("reaches beyond", |facts| partition(facts).start += 1 << 40),
        ("partitions `nvme0n1p2` and `nvme0n1p1` overlap", |facts| partition(facts).start = 1 << 20),
        ("two partitions have one number", |facts| partition(facts).number = 1),
        ("is blank and has partitions", |facts| {
            facts.devices.iter_mut().find(|device| device.name == "nvme0n1").unwrap().content = Content::Blank;
        }),
        ("member `sda` is named twice", |facts| {
            let twice = member(facts).members[0].clone();
            member(facts).members.push(twice);
        }),
        ("in slot 9", |facts| member(facts).members[0].slot = Some(9)),
        ("no device is this array", |facts| member(facts).device = "md5".into()),
        ("two groups have this name", |facts| facts.groups.push(facts.groups[0].clone())),
        ("is of volume group `nas`, which is unknown", |facts| facts.groups.clear()),
        ("mount /mnt: device `sdz` is unknown", |facts| facts.mounts[0].device = "sdz".into()),
        ("swap sdz: the device is unknown", |facts| facts.swaps.push("sdz".into())),
    ];
    for (reason, spoil) in rows {
        let mut facts = facts("complete");
        spoil(&mut facts);
        let error = facts.validate().expect_err(reason).to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

#[test]
fn a_facts_file_says_where_it_is_wrong() {
    for (case, text, expected) in [
        ("empty", "", "line 1, column 0: EOF while parsing a value; facts are what"),
        ("cut", "{\"version\": 1,\n", "line 2, column 0: EOF while parsing"),
        ("other version", "{\"version\": 7, \"new\": []}", "facts of version 7, while this homehive reads version 1"),
        ("unknown key", "{\"version\": 1,\n \"disks\": []}", "line 2, column 8: unknown field `disks`"),
        ("no devices", "{\"version\": 1}", "missing field `machine`"),
    ] {
        let error = Facts::from_json(text).expect_err(case).to_string();
        assert!(error.contains(expected), "{case}: {error}");
    }
}

/// The output with one section's text and status put in the place of what the machine said.
fn with(state: &str, section: &str, text: &str, status: i32) -> String {
    let output = fixture(state);
    let from = output.find(&format!("\n%% {section}\n")).unwrap();
    let to = output[from..].find(&format!("\n%% {section} ")).unwrap() + from;
    let after = output[to + 1..].find('\n').unwrap() + to + 1;
    format!("{}\n%% {section}\n{text}\n%% {section} {status}{}", &output[..from], &output[after..])
}

#[test]
fn probes_that_cannot_be_relied_upon_are_refused() {
    for (case, output, reason) in [
        ("not root", with("blank", "unreadable", "/dev/sda", 0), "no right to read `/dev/sda`"),
        ("no lsblk", with("blank", "lsblk", "", 127), "`lsblk` is not installed"),
        ("lsblk fails", with("blank", "lsblk", "", 1), "`lsblk` failed on the machine with exit status 1"),
        ("lsblk garbled", with("blank", "lsblk", "{\"block", 0), "section `lsblk` of the probe is not understood"),
        ("no cmp", with("blank", "zero", "", 127), "`cmp` is not installed"),
        ("no lvm", with("complete", "lvm", "", 127), "`lvm` is not installed on the machine, but `md127` is an LVM"),
        ("lvm fails", with("complete", "lvm", "", 5), "`lvm fullreport` failed on the machine with exit status 5"),
        ("lvm garbled", with("complete", "lvm", "{", 5), "`lvm fullreport` failed on the machine with exit status 5"),
        (
            "no sfdisk",
            with("complete", "table:/dev/nvme0n1", "", 127),
            "`sfdisk` is not installed on the machine, but `nvme0n1`",
        ),
        ("no od", with("complete", "heads", "", 127), "`od` is not installed"),
        ("no kernel files", with("complete", "files", "", 2), "section `files` of the probe is not understood"),
        (
            "stale kernel",
            fixture("complete")
                .replace("/dev/nvme0n1p2\",\n            \"start\"", "/dev/nvme0n1p3\",\n            \"start\""),
            "run `partprobe`",
        ),
    ] {
        let error = probe::parse(&output).expect_err(case).to_string();
        assert!(error.contains(reason), "{case}: {error}");
    }
}

/// Tools that nothing calls for may be missing; a table that sfdisk cannot read makes the disk foreign, not free.
#[test]
fn what_does_not_matter_is_not_asked_for() {
    for (case, output) in [("no lvm", with("blank", "lvm", "", 0)), ("no links", with("blank", "links", "", 127))] {
        assert!(probe::parse(&output).is_ok(), "{case}");
    }
    let other = |output: &str, name: &str| match &probe::parse(output).unwrap().device(name).unwrap().content {
        Content::Other { name } => name.clone(),
        content => panic!("{content:?}"),
    };
    assert_eq!(other(&with("foreign", "table:/dev/sdc", "", 1), "sdc"), "gpt (broken table)");
    assert_eq!(other(&with("pvs", "lvm", "{\"report\": []}", 0), "nvme0n1p2"), "LVM2_member (unknown to LVM)");
    let gone =
        fixture("complete").replace("\"vg_name\":\"nas\", \"pv_size\"", "\"vg_name\":\"[unknown]\", \"pv_size\"");
    assert_ne!(gone, fixture("complete"));
    assert_eq!(other(&gone, "nvme0n1p2"), "LVM2_member (its group is not to be found)");
    assert_eq!(other(&with("complete", "heads", "", 0), "nvme0n1p1"), "xfs (unreadable)");
}

/// What a mounted XFS spans is the kernel's word; what stands on the device may be older.
#[test]
fn a_mounted_xfs_is_as_large_as_the_kernel_says() {
    let size = |section: &str| {
        let output = fixture("complete").replacen("\n%% zero\n", &format!("\n{section}\n%% zero\n"), 1);
        match probe::parse(&output).unwrap().device("nvme0n1p1").unwrap().content {
            Content::Filesystem { size, .. } => size.unwrap(),
            ref content => panic!("{content:?}"),
        }
    };
    let before = size("");
    let geometry = "data     =                       bsize=4096   blocks=76800, imaxpct=25";
    assert_eq!(size(&format!("%% xfs:/dev/nvme0n1p1\n{geometry}\n%% xfs:/dev/nvme0n1p1 0\n")), 300 << 20);
    assert_eq!(size("%% xfs:/dev/nvme0n1p1\n\n%% xfs:/dev/nvme0n1p1 127\n"), before);
    assert_eq!(size(&format!("%% xfs:/dev/sda\n{geometry}\n%% xfs:/dev/sda 0\n")), before);
    assert_ne!(before, 300 << 20);
}

/// md's notes at a device's end (metadata 1.0) make it a member, unless what else is on it tells of a later use.
#[test]
fn notes_at_the_end_make_no_member_of_a_divided_disk() {
    let mut notes = vec![0; 4096];
    for (at, word) in [(0, 0xa92b_4efc), (4, 1), (72, 1), (92, 2)] {
        notes[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
    }
    let at_the_end = |state: &str, name: &str| {
        let bytes = [format!("==> /dev/{name} <==\n").as_bytes(), &notes].concat();
        let lines = bytes.chunks(16).enumerate().map(|(row, line)| {
            let hex: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{:06x} {}\n", row * 16, hex.join(" "))
        });
        let signature =
            |kind: &str| format!("{{\"signatures\": [{{\"device\": \"{name}\", \"type\": \"{kind}\"}}]}}\n");
        let also = signature("linux_raid_member") + &signature("ext4");
        let output = fixture(state).replacen("\n%% signatures 0", &format!("\n{also}\n%% signatures 0"), 1);
        let ends = format!("\n%% ends\n{}\n%% ends 0\n\n%% zero\n", lines.collect::<String>());
        probe::parse(&output.replacen("\n%% zero\n", &ends, 1)).unwrap().device(name).unwrap().content.clone()
    };
    for (case, state, name, member) in [
        ("a filesystem that may be the array's", "foreign", "sda", true),
        ("a member of an array that runs", "complete", "sda", true),
        ("a disk with partitions", "foreign", "sdc", false),
    ] {
        let content = at_the_end(state, name);
        assert_eq!(matches!(content, Content::Member { .. }), member, "{case}: {content:?}");
        assert!(member || content == Content::Other { name: "ambiguous".into() }, "{case}: {content:?}");
    }
}

/// Every shell and the linter take the script as it is; what is not installed here is said and passed over.
#[test]
fn the_script_is_sound_in_every_shell() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    for words in [&["sh", "-n"][..], &["dash", "-n"], &["bash", "-n"], &["busybox", "sh", "-n"], &["shellcheck", "-"]] {
        let started = Command::new(words[0]).args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut child) = started else {
            println!("not run: `{}` is not installed", words[0]);
            continue;
        };
        child.stdin.take().unwrap().write_all(probe::SCRIPT.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn output_that_breaks_off_anywhere_is_refused() {
    let output = fixture("complete");
    let end = output.rfind("%% end").unwrap();
    for at in (0..end).filter(|at| at % 97 == 0 && output.is_char_boundary(*at)) {
        let error = probe::parse(&output[..at]).expect_err("cut");
        assert!(
            matches!(error, FactsError::NoProbe | FactsError::Version { .. } | FactsError::Truncated { .. }),
            "{at}: {error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is broken in an output, it is facts or an error.
    #[test]
    fn no_output_makes_the_parser_fall(
        state in proptest::sample::select(&STATES[..]),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), "[ -~\n]{0,3}", 0..40_usize), 1..8),
    ) {
        let mut output = fixture(state);
        for (at, text, less) in changes {
            let at = at.index(output.len());
            let end = (at + less).min(output.len());
            if output.is_char_boundary(at) && output.is_char_boundary(end) {
                output.replace_range(at..end, &text);
            }
        }
        if let Ok(facts) = probe::parse(&output) {
            prop_assert!(facts.validate().is_ok());
        }
    }

    #[test]
    fn no_text_makes_the_parser_fall(text in "\\PC*") {
        prop_assert!(probe::parse(&text).is_err());
    }
}

/// The kernel's octal digits, as the probe's shell reads them.
#[test]
fn paths_with_blanks_are_asked_for_as_they_are() {
    let (_, rest) = probe::SCRIPT.split_once("\nunescape() {").unwrap();
    let (function, _) = rest.split_once("\n}\n").unwrap();
    for (text, path) in [("/a", "/a"), ("/my\\0405\\134n\\040", "/my 5\\n "), ("\\134\\134", "\\\\")] {
        let script = format!("unescape() {{{function}\n}}\nunescape \"$1\"");
        for shell in ["sh", "bash"] {
            let said = std::process::Command::new(shell).args(["-c", &script, "sh", text]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), path, "{shell}: {text}");
        }
    }
}
