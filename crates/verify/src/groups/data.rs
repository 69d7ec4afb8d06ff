//! Are the filesystems there, mounted, and do they keep what is written?

use super::{Subject, disk_check, unless_empty};
use crate::rules::{Claim, WriteRule};
use crate::{Ask, Check, Group, Side};
use cmd::Cmd;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

const SCRIPT: &str = include_str!("data.sh");

/// Lines of 64 digits and a newline: 260 KiB.
const LINES: u32 = 4096;

pub(super) fn group(subject: &Subject) -> Option<Group> {
    let mounts = subject.wish.mounts.iter().filter(|mount| mount.path != "/boot");
    let mounts: Vec<_> = mounts.collect();
    let mut checks = Vec::new();
    for mount in &mounts {
        let (path, format) = (&mount.path, mount.format);
        // Subvolumes of one filesystem are looked at together.
        let own: Vec<&str> = mounts.iter().filter(|it| it.node == mount.node).map(|it| it.path.as_str()).collect();
        if own.first() == Some(&path.as_str()) {
            let all = own.join(", ");
            let title = format!("{format} for {all} is there, with its identity");
            checks.push(disk_check(subject, &mount.node, Claim::Filesystem, title));
            let are = if own.len() == 1 { "is" } else { "are" };
            let title = format!("{all} {are} mounted from {}", mount.node);
            checks.push(disk_check(subject, &mount.node, Claim::Mounted, title));
        }
        if path != "/" && !mount.options.iter().any(|option| option == "ro") {
            checks.push(write(&subject.nonce, path));
        }
    }
    let in_memory: Vec<_> = subject.wish.nodev.iter().filter(|nodev| nodev.in_memory()).collect();
    for nodev in &in_memory {
        let title = format!("{} is mounted on {}", nodev.fstype, nodev.path);
        checks.push(disk_check(subject, &nodev.node, Claim::Mounted, title));
    }
    let places = mounts.iter().map(|mount| format!("{} on {}", mount.format, mount.path));
    let places: Vec<_> = places.chain(in_memory.iter().map(|it| format!("{} on {}", it.fstype, it.path))).collect();
    unless_empty("data", format!("Filesystems: {}", places.join(", ")), checks)
}

fn write(nonce: &str, path: &str) -> Check {
    let content = content(nonce);
    let rule = WriteRule { sha256: hex(&Sha256::digest(&content)), bytes: content.len() };
    let cmd = Cmd::new("sh").args(["-c", SCRIPT, "homehive-verify", path]).input(content);
    Check::one(
        &format!("write:{path}"),
        format!("what is written to {path} is read back"),
        Ask::run(Side::Root, cmd),
        rule,
    )
}

/// Text that nobody could have written before the nonce was known, and that no disk can compress much.
fn content(nonce: &str) -> String {
    (0..LINES).fold(String::new(), |mut text, line| {
        text.push_str(&hex(&Sha256::digest(format!("{nonce} {line}"))));
        text.push('\n');
        text
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
