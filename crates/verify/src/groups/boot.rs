//! Does the machine boot from the disk it should, and into the current generation?

use super::{Subject, disk_check, unless_empty};
use crate::rules::{BootRule, Claim};
use crate::{Ask, Check, Group, Side};
use cmd::Cmd;
use storage::NodeId;
use storage::wish::{Holds, Kind};

/// Where Nix keeps the profile of the system: the generation that boots by default.
const PROFILE: &str = "/nix/var/nix/profiles/system";

pub(super) fn group(subject: &Subject) -> Option<Group> {
    let wish = &subject.wish;
    let mount = wish.mounts.iter().find(|mount| mount.path == "/boot");
    let disk = subject.boot_sector.clone().or_else(|| {
        let node = mount.map(|mount| &mount.node)?;
        wish.disks_of(node).first().map(|disk| disk.id.clone())
    })?;
    let mut checks = Vec::new();
    if matches!(wish.node(&disk)?.holds, Some(Holds::Table { .. })) {
        checks.push(disk_check(subject, &disk, Claim::Table, "boot disk bears its partition table"));
    }
    if let Some(mount) = mount {
        checks.extend(on_boot(subject, &mount.node, mount.format.word()));
    }
    if subject.boot_sector.is_some() {
        checks.extend(grub(&disk));
    }
    group_of(subject, checks)
}

fn group_of(subject: &Subject, checks: Vec<Check>) -> Option<Group> {
    let title = if subject.boot_sector.is_some() { "Boot disk and GRUB" } else { "Boot disk" };
    unless_empty("boot", title, checks)
}

fn on_boot(subject: &Subject, node: &NodeId, format: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    if matches!(subject.wish.node(node).map(|node| &node.kind), Some(Kind::Partition(_))) {
        checks.push(disk_check(subject, node, Claim::Partition, "boot partition is there"));
    }
    checks.push(disk_check(subject, node, Claim::Filesystem, format!("boot partition holds its {format}")));
    checks.push(disk_check(subject, node, Claim::Mounted, "/boot is mounted from it"));
    checks
}

fn grub(disk: &NodeId) -> Vec<Check> {
    let root = |cmd| Ask::run(Side::Root, cmd);
    let menu = || root(Cmd::new("cat").arg("/boot/grub/grub.cfg"));
    let sector = Cmd::new("od").args(["-An", "-v", "-tx1", "-N1024"]).device(disk);
    let profile = Cmd::new("readlink").args(["-f", PROFILE]);
    let files = Cmd::new("find").args(["/boot", "-xdev", "-type", "f", "-size", "+0"]);
    let kernels = BootRule::Kernels { mountpoint: "/boot".to_owned() };
    vec![
        Check::one("sector", "boot sector is GRUB's", root(sector), BootRule::Sector),
        Check::many(
            "generation",
            "menu starts the current generation",
            vec![menu(), root(profile)],
            BootRule::Generation,
        ),
        Check::many("kernels", "kernels and initrds of the menu are there", vec![menu(), root(files)], kernels),
    ]
}
