//! The standalone script: as people read it, as shellcheck judges it, and as a shell reads any name in it.
#![expect(clippy::disallowed_types, clippy::unwrap_used, reason = "what a script is worth is what a real shell says")]

mod common;

use common::{NAS, wish};
use proptest::prelude::*;
use std::io::Write as _;
use std::process::{Command, Stdio};
use storage::{ScriptError, script};

/// Feeds the script to a program; nothing if the program is not installed.
fn judged(text: &str, program: &str, args: &[&str]) -> Option<(bool, String)> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    Some((
        out.status.success(),
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)),
    ))
}

#[test]
fn nas() {
    let text = script(&wish(NAS), &[]).unwrap();
    let from = text.find("# The disks, by what").unwrap();
    insta::assert_snapshot!(&text[from..]);
    assert_eq!(judged(&text, "sh", &["-n"]), Some((true, String::new())));
}

#[test]
fn shellcheck_finds_nothing() {
    let whole = script(&wish(NAS), &[]).unwrap();
    let usb = script(&wish(NAS), &["disk.usb".into()]).unwrap();
    for text in [whole, usb] {
        match judged(&text, "shellcheck", &["-s", "sh", "-"]) {
            Some(verdict) => assert_eq!(verdict, (true, String::new())),
            None => eprintln!("SKIPPED: shellcheck is not installed"),
        }
    }
    for (name, text) in [
        ("group.sh", concat!(include_str!("../src/plan/pv.sh"), include_str!("../src/plan/group.sh"))),
        ("identify.sh", include_str!("../src/plan/identify.sh")),
        ("wipe.sh", include_str!("../src/plan/wipe.sh")),
    ] {
        if let Some(verdict) = judged(text, "shellcheck", &["-s", "sh", "-"]) {
            assert_eq!(verdict, (true, String::new()), "{name}");
        }
    }
}

#[test]
fn chosen_nodes_bring_what_they_lie_on() {
    let steps = |only: &[&str]| {
        let only: Vec<_> = only.iter().map(|node| (*node).into()).collect();
        let text = script(&wish(NAS), &only).unwrap();
        let says = text.lines().filter(|line| line.starts_with("say '[") || line.starts_with("disk_"));
        says.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!([&["disk.usb"][..], &["mdadm.nas"], &["disk.nvme.root"]].map(steps).join("\n\n"));
}

#[test]
fn what_a_script_cannot_know() {
    let share = NAS.replace("size = \"2GiB\"", "size = \"50%\"");
    assert!(matches!(script(&wish(&share), &[]), Err(ScriptError::Share { .. })));
    let sized = share.replace("serial = \"LABNVME0001\"", "serial = \"LABNVME0001\"\nsize = \"3GiB\"");
    assert!(script(&wish(&sized), &[]).unwrap().contains("size=1534MiB"));
    assert!(matches!(script(&wish(NAS), &["disk.none".into()]), Err(ScriptError::Unknown { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever stands in a serial, a label, an option or a mount point is one word to the shell.
    #[test]
    fn any_text_is_a_word(serial in "\\PC{1,16}", label in "\\PC{1,8}", path in "/[^\\x00\\n]{1,16}", option in "\\PC{1,12}") {
        let quoted = |text: &str| format!("{:?}", toml_safe(text));
        let text = NAS
            .replace("\"LABSATA0001\"", &quoted(&serial))
            .replace("mountpoint = \"/boot\"", &format!("mountpoint = {}, label = {}, options = [{}]", quoted(&path), quoted(&label), quoted(&option)));
        let text = script(&wish(&text), &[]).unwrap();
        prop_assert_eq!(judged(&text, "sh", &["-n"]), Some((true, String::new())));
        // The shell itself splits the lines that name it into words: find_disk gets six, the serial third.
        let line = text.lines().find(|line| line.starts_with("disk_sata1=")).unwrap();
        let asked = format!("find_disk() {{ printf '%s|' \"$#\" \"$3\"; }}\n{line}\nprintf %s \"$disk_sata1\"\n");
        prop_assert_eq!(judged(&asked, "sh", &["-s"]), Some((true, format!("6|{}|", toml_safe(&serial)))));
    }
}

/// Text that a TOML string with Rust's escapes can hold.
fn toml_safe(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && format!("{c:?}").len() <= 3 + c.len_utf8()).collect()
}
