//! A root in memory is empty at each boot: what a machine cannot do without lies on a disk.

use super::path;
use crate::Loader;
use crate::declared::Draft;
use document::Problems;
use storage::wish::Wish;

/// What NixOS and homehive need to be as it was before the machine was switched off, whatever the root is.
const KEPT: [(&str, &str); 9] = [
    ("/nix", PROGRAMS),
    ("/nix/store", PROGRAMS),
    ("/nix/var", GENERATIONS),
    ("/nix/var/nix", GENERATIONS),
    ("/nix/var/nix/db", GENERATIONS),
    ("/nix/var/nix/profiles", GENERATIONS),
    ("/boot", "its kernels are there"),
    ("/etc/ssh", "its host key is there"),
    ("/data", "shares and the cluster keep their data there"),
];
const PROGRAMS: &str = "every program is there";
const GENERATIONS: &str = "what Nix knows of the programs is there";

pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    for (name, machine) in &draft.machines {
        let at = path(["machines", name.as_ref()]);
        if machine.configuration.is_some() || problems.within(&at.join("storage")) {
            continue;
        }
        let wish = Wish::new(&machine.storage, uuid::Uuid::nil());
        for nodev in &wish.nodev {
            if let Some((path, why)) = KEPT.iter().find(|(path, _)| *path == nodev.path) {
                problems.add(
                    &at.join("storage").join("nodev").join(&nodev.path),
                    "fleet::lost_at_boot",
                    format!("machine `{name}` cannot have `{}` as {}: {why}", nodev.path, nodev.fstype),
                    "empty at each boot",
                    format!("mount a filesystem of a disk on {path}"),
                );
            }
        }
        let Some(root) = wish.root_in_memory() else { continue };
        let on_disk = |paths: &[&str]| {
            wish.mounts.iter().any(|mount| paths.contains(&mount.path.as_str()) && !mount.may_be_missing())
        };
        let grub = matches!(machine.loader(&wish), Some(Loader::Bios(_)));
        let needs: [(&[&str], &str, &str); 3] = [
            // Where EFI boots from, a mount is found or it is no loader.
            (
                if grub { &["/boot"] } else { &[] },
                "has nowhere to keep its kernels",
                "mount a filesystem of a disk on /boot",
            ),
            (&["/nix", "/nix/store"], "has nowhere to keep its programs", "mount a filesystem of a disk on /nix"),
            (
                &["/etc", "/etc/ssh"],
                "would have another host key after each boot: nobody could tell it from another machine, and its secrets \
                 could not be read",
                "mount a filesystem of a disk on /etc/ssh: a partition of 16MiB with ext4, or a subvolume",
            ),
        ];
        for (paths, why, help) in needs {
            if !paths.is_empty() && !on_disk(paths) {
                let message = format!("machine `{name}` has its root in memory and {why}");
                let place = at.join("storage").join("nodev").join(&root.path);
                problems.add(&place, "fleet::lost_at_boot", message, "empty at each boot", help);
            }
        }
    }
}
