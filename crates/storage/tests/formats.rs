//! Filesystems of every format: made with their own identity, under a passing name, and nothing said twice.

mod common;

use common::{facts, storage, wish};
use document::{Path, Problems};
use storage::facts::{Content, Facts, Mount};
use storage::plan;
use storage::plan::{Consent, Plan, Step};
use storage::wish::Holds;

fn tree(content: &str) -> String {
    format!("[disk.one]\nserial = \"S\"\ncontent = {{ type = \"filesystem\", {content} }}")
}

fn blank() -> Facts {
    let mut facts = facts("blank");
    facts.devices.retain(|device| device.content == Content::Blank);
    facts.devices.truncate(1);
    facts.devices[0].serial = Some("S".into());
    (facts.mounts, facts.nodev) = (Vec::new(), Vec::new());
    facts
}

fn words(plan: &Plan) -> Vec<String> {
    plan.steps.iter().flat_map(Step::commands).map(|cmd| cmd.to_string()).collect()
}

/// The last thing that is written is the filesystem's own label: until then it counts as begun.
#[test]
fn each_is_named_last() {
    for (content, making, naming) in [
        ("format = \"ext2\"", "mkfs.ext2 -q -F -U ", "tune2fs -L '' {disk.one}"),
        ("format = \"ext3\", label = \"old\"", "mkfs.ext3 -q -F -U ", "tune2fs -L old {disk.one}"),
        ("format = \"f2fs\", label = \"flash\"", "mkfs.f2fs -q -f -U ", "f2fslabel {disk.one} flash"),
        ("format = \"f2fs\"", "mkfs.f2fs -q -f -U ", "f2fslabel {disk.one} ''"),
    ] {
        let wish = wish(&tree(content));
        let words = words(&plan(&wish, &blank(), &Consent::default()));
        let Some(Holds::Filesystem { shown, .. }) = &wish.nodes[0].holds else { panic!("{content}") };
        assert!(words[0].starts_with(making) && words[0].contains(shown), "{words:?}");
        assert!(words[0].contains("HH-BEGUN"), "{words:?}");
        assert_eq!(words[1..], ["sync {disk.one}", naming, "sync {disk.one}"], "{content}");
    }
}

#[test]
fn further_arguments_stand_before_the_device() {
    let wish = wish(&tree("format = \"f2fs\", extra_args = [\"-O\", \"extra_attr,compression\"]"));
    let words = words(&plan(&wish, &blank(), &Consent::default()));
    assert!(words[0].ends_with("-l HH-BEGUN -O 'extra_attr,compression' {disk.one}"), "{words:?}");
}

/// A filesystem that is smaller than its device is grown where that can be cut at any moment, and else not; where it is not
/// mounted, its tool wants it checked first.
#[test]
fn what_cannot_be_grown_safely_is_told() {
    for (format, mounted, grows) in [
        ("ext4", true, true),
        ("ext4", false, false),
        ("ext3", true, true),
        ("ext3", false, false),
        ("ext2", true, false),
        ("f2fs", true, false),
    ] {
        let wish = wish(&tree(&format!("format = \"{format}\"")));
        let mut facts = blank();
        let Some(Holds::Filesystem { shown, .. }) = &wish.nodes[0].holds else { panic!("{format}") };
        let (format, uuid, size) = (format.to_owned(), Some(shown.clone()), Some(facts.devices[0].size / 2));
        facts.devices[0].content =
            Content::Filesystem { format, uuid, label: None, size, block: Some(4096), unfinished: false };
        if mounted {
            let device = facts.devices[0].name.clone();
            let (target, format) = ("/srv".to_owned(), "ext4".to_owned());
            facts.mounts.push(Mount { device, target, format, read_only: false, subvolume: None });
        }
        let plan = plan(&wish, &facts, &Consent::default());
        assert_eq!(!plan.steps.is_empty(), grows, "{}", plan.to_text());
        assert_eq!(plan.notes.is_empty(), grows, "{}", plan.to_text());
    }
}

#[test]
fn arguments_that_say_what_homehive_says_are_refused() {
    for (format, args, good) in [
        ("ext4", r#"["-O", "casefold", "-m", "1"]"#, true),
        ("xfs", r#"["-m", "reflink=0", "-i", "size512"]"#, true),
        ("f2fs", r#"["-O", "compression"]"#, true),
        ("ext4", r#"["-U", "random"]"#, false),
        ("ext4", r#"["-L", "x"]"#, false),
        ("ext4", r#"["-O", "-F"]"#, false),
        ("ext4", r#"["-O"]"#, false),
        ("ext4", r#"["-J", "device=/dev/sda"]"#, false),
        ("xfs", r#"["-m", "uuid=0d6f6e6c-0000-4000-8000-000000000000"]"#, false),
        ("xfs", r#"["-d", "file,name=x"]"#, false),
        ("xfs", r#"["-l", "logdev=/dev/sda"]"#, false),
        ("vfat", r#"["-n", "x"]"#, false),
        ("vfat", r#"["-i", "12345678"]"#, false),
        ("f2fs", r#"["-c", "/dev/sda"]"#, false),
        ("f2fs", r#"["-l", "x"]"#, false),
        ("f2fs", r#"["/dev/sda", "100"]"#, false),
    ] {
        let mut problems = Problems::default();
        storage::check(
            &storage(&tree(&format!("format = \"{format}\", extra_args = {args}"))),
            &Path::root(),
            &mut problems,
        );
        let wrong = problems.iter().any(|problem| problem.code == "storage::bad_mkfs_argument");
        assert_eq!(wrong, !good, "{format} {args}");
    }
}

const MIRROR: &str = r#"
[disk.a]
serial = "A"
content = { type = "gpt", partitions = { esp = { type = "efi", content = { type = "mdraid", name = "boot" } } } }
[disk.b]
serial = "B"
content = { type = "gpt", partitions = { esp = { type = "efi", content = { type = "mdraid", name = "boot" } } } }
[mdadm.boot]
level = 1
metadata = "1.0"
content = { type = "filesystem", format = "vfat", mountpoint = "/boot" }
"#;

/// Firmware reads a member of a mirror whose notes stand at its end, and of no other array.
#[test]
fn boot_partitions_are_mirrored() {
    let script = storage::script(&wish(MIRROR), &[]).unwrap();
    assert!(script.contains("--metadata=1.0") && !script.contains("--metadata=1.2"), "{script}");
    let plain = MIRROR.replace("metadata = \"1.0\"\n", "");
    for (case, text, good) in [
        ("at the end", MIRROR, true),
        ("behind the beginning", plain.as_str(), false),
        ("striped", &MIRROR.replace("level = 1", "level = 0"), false),
    ] {
        let mut problems = Problems::default();
        storage::check(&storage(text), &Path::root(), &mut problems);
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes.is_empty(), good, "{case}: {codes:?}");
    }
}

/// Notes do not move: what runs with others is refused, with both ways out.
#[test]
fn other_metadata_of_a_running_array_is_refused() {
    let seen = facts("complete");
    let text = common::NAS.replace("level   = 6", "level = 6\nmetadata = \"1.0\"");
    assert_ne!(text, common::NAS);
    let plan = plan(&wish(&text), &seen, &Consent::default());
    assert!(plan.refusals.iter().any(|refusal| refusal.remedy.contains("metadata = \"1.2\"")), "{}", plan.to_text());
    let same = text.replace("\"1.0\"", "\"1.2\"");
    assert!(storage::plan(&wish(&same), &seen, &Consent::default()).is_empty());
}
