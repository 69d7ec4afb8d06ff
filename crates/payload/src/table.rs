//! The storage of a system in the tables that its tools read: `fstab`, `mdadm.conf`, the kernel's command line.

use crate::system::{Mount, Nodev, System};
use std::fmt::Write as _;

/// A field of fstab(5): what would end it is written as an octal number.
pub(crate) fn field(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            ' ' | '\t' | '\n' | '\\' | '#' => {
                let _ = write!(out, "\\{:03o}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}

/// `fstab`, parents before children. All but root are `nofail`: a broken array must not keep the machine away.
pub(crate) fn fstab(system: &System) -> String {
    let of_device = |mount: &Mount| {
        let pass = match (mount.path.as_str(), mount.format.as_str()) {
            (_, "xfs") => 0, // its log is its check
            ("/", _) => 1,
            _ => 2,
        };
        (mount.path.clone(), line(&format!("UUID={}", mount.uuid), &mount.path, &mount.format, &mount.options, pass))
    };
    let nodev = system.nodev.iter().map(|nodev| {
        let Nodev { device, format, path, options } = nodev;
        (path.clone(), line(&field(device), path, format, options, 0))
    });
    let mut lines: Vec<(String, String)> = system.mounts.iter().map(of_device).chain(nodev).collect();
    lines.sort_by_key(|(path, _)| (path.split('/').filter(|part| !part.is_empty()).count(), path.clone()));
    let mut text: String = lines.into_iter().map(|(_, line)| line).collect();
    for swap in &system.swaps {
        let _ = writeln!(text, "UUID={} none swap nofail 0 0", swap.uuid);
    }
    text
}

fn line(source: &str, path: &str, format: &str, options: &[String], pass: u8) -> String {
    let mut options: Vec<&str> = options.iter().map(String::as_str).collect();
    if path != "/" && !options.contains(&"nofail") {
        options.push("nofail");
    }
    let options = if options.is_empty() { "defaults".to_owned() } else { options.join(",") };
    format!("{source} {} {format} {} 0 {pass}\n", field(path), field(&options))
}

/// `mdadm.conf`: the arrays of this machine and no other; names without the host in them.
pub(crate) fn mdadm_conf(system: &System) -> String {
    let mut text = String::from("HOMEHOST <ignore>\nAUTO -all\nMAILADDR root\n");
    for array in &system.arrays {
        let _ = writeln!(text, "ARRAY /dev/md/{} UUID={}", array.name, array.uuid);
    }
    text
}

/// The kernel's command line but for `init=`, which the boot loader's entry adds for its generation.
///
/// `rd.md.uuid` and `rd.lvm.vg` are the words of dracut.cmdline(7); the initrd heeds them if root does not come without.
pub(crate) fn kernel_params(system: &System) -> String {
    let mut words = Vec::new();
    if let Some(root) = system.root() {
        words.push(format!("root=UUID={}", root.uuid));
        words.push(format!("rootfstype={}", root.format));
        // The kernel knows the filesystem's options only; these are for whoever reads fstab.
        let fstab_only = |option: &&String| {
            ["defaults", "auto", "noauto", "nofail", "user", "users", "nouser"].contains(&option.as_str())
                || option.starts_with("x-")
                || option.starts_with('_')
        };
        let flags: Vec<&str> = root.options.iter().filter(|option| !fstab_only(option)).map(String::as_str).collect();
        if !flags.is_empty() {
            words.push(format!("rootflags={}", flags.join(",")));
        }
    }
    words.extend(system.arrays.iter().map(|array| format!("rd.md.uuid={}", array.uuid)));
    words.extend(system.volume_groups.iter().map(|group| format!("rd.lvm.vg={group}")));
    // A kernel that panics starts again after ten seconds, from the boot menu's default. The last console is the one
    // that /dev/console means.
    words.extend(["net.ifnames=0", "panic=10", "loglevel=4", "console=tty0", "console=ttyS0,115200"].map(String::from));
    words.extend(system.kernel_params.iter().cloned());
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::field;
    use proptest::prelude::*;

    /// What getmntent(3) does with a field.
    fn read_back(field: &str) -> String {
        let mut out = String::new();
        let mut rest = field.chars();
        while let Some(c) = rest.next() {
            if c == '\\' {
                let octal: String = rest.by_ref().take(3).collect();
                out.push(char::from_u32(u32::from_str_radix(&octal, 8).unwrap()).unwrap());
            } else {
                out.push(c);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn a_field_is_one_field_and_reads_back(text in ".{1,40}") {
            let field = field(&text);
            prop_assert!(!field.contains([' ', '\t', '\n', '#']));
            prop_assert_eq!(read_back(&field), text);
        }
    }
}
