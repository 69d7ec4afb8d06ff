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
    let mut disks = subject.boot_sectors.clone();
    if let (true, Some(mount)) = (disks.is_empty(), mount) {
        disks.extend(wish.disks_of(&mount.node).into_iter().map(|disk| disk.id.clone()));
    }
    let mut checks = Vec::new();
    for disk in &disks {
        if matches!(wish.node(disk).map(|node| &node.holds), Some(Some(Holds::Table { .. }))) {
            checks.push(disk_check(subject, disk, Claim::Table, format!("{disk} bears its partition table")));
        }
    }
    if let Some(mount) = mount {
        checks.extend(on_boot(subject, &mount.node, mount.format.word()));
    }
    checks.extend(subject.boot_sectors.iter().map(sector));
    if !subject.boot_sectors.is_empty() {
        checks.extend(menu());
    }
    let title = if subject.boot_sectors.is_empty() { "Boot disk" } else { "Boot disk and GRUB" };
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

fn sector(disk: &NodeId) -> Check {
    let cmd = Cmd::new("od").args(["-An", "-v", "-tx1", "-N1024"]).device(disk);
    let ask = Ask::run(Side::Root, cmd);
    Check::one(&format!("sector:{disk}"), format!("boot sector of {disk} is GRUB's"), ask, BootRule::Sector)
}

fn menu() -> [Check; 2] {
    let root = |cmd| Ask::run(Side::Root, cmd);
    let menu = || root(Cmd::new("cat").arg("/boot/grub/grub.cfg"));
    let profile = root(Cmd::new("readlink").args(["-f", PROFILE]));
    let files = root(Cmd::new("find").args(["/boot", "-xdev", "-type", "f", "-size", "+0"]));
    let kernels = BootRule::Kernels { mountpoint: "/boot".to_owned() };
    [
        Check::many("generation", "menu starts the current generation", vec![menu(), profile], BootRule::Generation),
        Check::many("kernels", "kernels and initrds of the menu are there", vec![menu(), files], kernels),
    ]
}
