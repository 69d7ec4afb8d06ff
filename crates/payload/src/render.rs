//! The files that make one machine of the stand-in; pure text. Nix takes them as they are: none of them is Nix code.

use crate::system::System;
use crate::{accounts, sshd, table, units};

/// A file of the system, by its path below the system's store path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Such as `etc/fstab`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), text: text.into() }
    }
}

const NIX_CONF: &str = "\
build-users-group =
sandbox = false
substituters =
require-sigs = false
experimental-features = nix-command
";

const PROFILE: &str = "\
export PATH=/run/wrappers/bin:/run/current-system/bin:/usr/sbin:/usr/bin
PS1='\\u@\\h:\\w\\$ '
";

/// Each word on a line of its own.
pub(crate) fn lines<T: AsRef<str>>(words: &[T]) -> String {
    words.iter().flat_map(|word| [word.as_ref(), "\n"]).collect()
}

/// Every file of the machine, for a system that passed [`System::check`].
pub fn files(system: &System) -> Vec<File> {
    let System { hostname, address, label, .. } = system;
    let version = concat!("stand-in ", env!("CARGO_PKG_VERSION"));
    let os_release = format!("NAME=\"homehive stand-in\"\nID=homehive-stand-in\nPRETTY_NAME=\"homehive {version}\"\n");
    let mut files = vec![
        File::new("kernel-params", table::kernel_params(system)),
        File::new("grub-devices", lines(&system.grub_devices)),
        File::new("label", label.clone()),
        File::new("user", system.user.clone()),
        File::new("nixos-version", version),
        File::new("etc/hostname", format!("{hostname}\n")),
        File::new("etc/hosts", format!("127.0.0.1 localhost\n::1 localhost\n{address} {hostname}\n")),
        File::new("etc/fstab", table::fstab(system)),
        File::new("etc/mdadm/mdadm.conf", table::mdadm_conf(system)),
        File::new("etc/lvm/groups", lines(&system.volume_groups)),
        File::new("etc/nix/nix.conf", NIX_CONF),
        File::new("etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"),
        File::new("etc/os-release", os_release),
        File::new("etc/profile", PROFILE),
        File::new("etc/shells", "/usr/bin/bash\n/usr/bin/sh\n/bin/bash\n/bin/sh\n"),
    ];
    files.extend(accounts::files(system));
    files.extend(sshd::files(system));
    files.extend(units::files(system));
    files
}

#[cfg(test)]
mod tests {
    use super::files;
    use crate::system::{Array, Mount, System, Unfit, Variant};
    use std::fmt::Write as _;

    pub(crate) fn nas() -> System {
        let mount = |uuid: &str, format: &str, path: &str, options: &[&str]| Mount {
            uuid: uuid.into(),
            format: format.into(),
            path: path.into(),
            options: options.iter().map(|&option| option.into()).collect(),
        };
        System {
            hostname: "nas".into(),
            user: "ben".into(),
            keys: vec!["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample ben@laptop".into()],
            address: [192, 168, 1, 10].into(),
            prefix: 24,
            gateway: Some([192, 168, 1, 1].into()),
            arrays: vec![Array { name: "nas".into(), uuid: "0a1b2c3d:00000000:11111111:deadbeef".into() }],
            volume_groups: vec!["nas".into()],
            mounts: vec![
                mount("7d1c3c54-0000-4000-8000-000000000003", "xfs", "/data", &["noatime"]),
                mount("7d1c3c54-0000-4000-8000-000000000002", "ext4", "/boot", &[]),
                mount("7d1c3c54-0000-4000-8000-000000000001", "xfs", "/", &[]),
                mount("7d1c3c54-0000-4000-8000-000000000004", "ext4", "/data/my photos", &["nofail"]),
            ],
            nodev: vec![],
            swaps: vec![],
            grub_devices: vec!["/dev/disk/by-id/usb-SanDisk_Ultra-0:0".into()],
            kernel_params: vec!["debug_shell=ttyS1".into()],
            label: "first".into(),
            variant: Variant::Plain,
        }
    }

    #[test]
    fn the_nas() {
        let mut text = String::new();
        for file in files(&nas()) {
            let _ = writeln!(text, "=== {}\n{}", file.path, file.text.trim_end());
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_would_say_something_else_is_refused() {
        type Spoil = fn(&mut System);
        let rows: [(&str, Spoil); 14] = [
            ("host name", |s| s.hostname = "nas\nroot".into()),
            ("user", |s| s.user = "ben:0:0".into()),
            ("user", |s| s.user = "root".into()),
            ("key", |s| s.keys.push("ssh-ed25519 AAAA\nssh-rsa BBBB".into())),
            ("array", |s| s.arrays[0].name = "../sda".into()),
            ("array UUID", |s| s.arrays[0].uuid = "0a1b2c3d".into()),
            ("volume group", |s| s.volume_groups[0] = "--help".into()),
            ("filesystem UUID", |s| s.mounts[0].uuid = "x y".into()),
            ("mount point", |s| s.mounts[0].path = "/data/../etc".into()),
            ("mount option", |s| s.mounts[0].options.push("ro 0 0\nx".into())),
            ("GRUB device", |s| s.grub_devices[0] = "sda".into()),
            ("kernel parameter", |s| s.kernel_params.push("a b".into())),
            ("label", |s| s.label = "a\nb".into()),
            ("prefix", |s| s.prefix = 33),
        ];
        nas().check().unwrap();
        for (at, spoil) in rows {
            let mut system = nas();
            spoil(&mut system);
            match system.check() {
                Err(Unfit::Value { what, .. }) => assert_eq!(what, at),
                other => panic!("{at}: {other:?}"),
            }
        }
        let mut system = nas();
        system.mounts.retain(|mount| mount.path != "/");
        assert_eq!(system.check(), Err(Unfit::Missing("filesystem for /")));
    }
}
