//! What the guest image is made of, and the key that stands for all of it. Building is another file's business.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Everything that decides what the image contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The Debian release.
    pub suite: String,
    /// The packages, apart from the essential ones.
    pub packages: Vec<String>,
    /// The kernel modules that stay, apart from what they depend on.
    pub modules: Vec<String>,
    /// Drops from the finished tree what no lab needs.
    pub prune: String,
    /// Kernel modules that the initial RAM disk loads, in this order.
    pub early_modules: Vec<String>,
    /// ZFS, for the fleets that declare a pool: its module takes minutes to build, and no other lab waits for that.
    pub zfs: Option<Zfs>,
}

/// What ZFS needs beside `packages` and `modules`: Debian has its module as source alone, in `contrib`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zfs {
    /// Builds the module, in a tree of its own.
    pub module: String,
    /// Makes the image leave every pool alone when it boots: what is imported, a plan imports.
    pub quiet: String,
}

/// The guest's own scripts: path, mode, content. They go into the initial RAM disk when a machine is started, so that the
/// cached image need not be built anew when one of them changes.
pub(crate) const SCRIPTS: [(&str, u32, &str); 6] = [
    ("init", 0o755, include_str!("../../guest/init.sh")),
    ("stage2/start.sh", 0o755, include_str!("../../guest/start.sh")),
    ("stage2/stop.sh", 0o755, include_str!("../../guest/stop.sh")),
    ("stage2/power.sh", 0o755, include_str!("../../guest/power.sh")),
    ("stage2/inittab", 0o644, include_str!("../../guest/inittab")),
    ("stage2/sshd_config", 0o644, include_str!("../../guest/sshd_config")),
];

/// To be raised when the builder itself makes something else of the same recipe.
const FORMAT: &str = "1";

impl Recipe {
    /// The installation medium of a lab.
    pub fn installer() -> Self {
        Self {
            suite: "bookworm".into(),
            packages: words(include_str!("../../guest/packages.txt")),
            modules: words(include_str!("../../guest/modules.txt")),
            prune: include_str!("../../guest/prune.sh").into(),
            early_modules: ["virtio_pci", "virtio_blk", "loop", "squashfs", "overlay"].map(str::to_owned).into(),
            zfs: None,
        }
    }

    /// The same with ZFS: another image, under another key.
    #[must_use]
    pub fn with_zfs(mut self) -> Self {
        self.packages.push("zfsutils-linux".into());
        self.modules.push("zfs".into());
        let (module, quiet) = (include_str!("../../guest/zfs-module.sh"), include_str!("../../guest/zfs-quiet.sh"));
        self.zfs = Some(Zfs { module: module.into(), quiet: quiet.into() });
        self
    }

    /// The name under which the image is cached: it changes when anything in the recipe does.
    pub fn key(&self) -> String {
        let mut parts = vec![FORMAT.to_owned(), self.suite.clone()];
        for list in [&self.packages, &self.modules, &self.early_modules] {
            parts.push(list.len().to_string());
            parts.extend_from_slice(list);
        }
        parts.push(self.prune.clone());
        parts.extend(self.zfs.iter().flat_map(|zfs| [zfs.module.clone(), zfs.quiet.clone()]));
        key(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// A name for all of this in a cache.
pub(super) fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // Lengths keep apart what would otherwise run together.
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(10).fold(String::new(), |mut key, byte| {
        let _ = write!(key, "{byte:02x}");
        key
    })
}

/// The words of a list with comments.
fn words(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::Recipe;

    type Change = fn(&mut Recipe);

    #[test]
    fn the_key_changes_with_every_part() {
        let one = Recipe::installer();
        assert_eq!(one.key(), Recipe::installer().key());
        let changes: [(&str, Change); 5] = [
            ("suite", |recipe| recipe.suite = "trixie".into()),
            ("a package", |recipe| recipe.packages.push("htop".into())),
            ("a module", |recipe| recipe.modules.push("dummy".into())),
            ("prune", |recipe| recipe.prune.push('\n')),
            ("order of early modules", |recipe| recipe.early_modules.reverse()),
        ];
        for (what, change) in changes {
            let mut other = one.clone();
            change(&mut other);
            assert_ne!(one.key(), other.key(), "{what}");
        }
        let zfs = one.clone().with_zfs();
        assert_ne!(one.key(), zfs.key(), "with ZFS");
        let changes: [(&str, Change); 2] = [
            ("how the module is built", |recipe| recipe.zfs.as_mut().unwrap().module.push('\n')),
            ("what is made quiet", |recipe| recipe.zfs.as_mut().unwrap().quiet.push('\n')),
        ];
        for (what, change) in changes {
            let mut other = zfs.clone();
            change(&mut other);
            assert_ne!(zfs.key(), other.key(), "{what}");
        }
        let mut moved = one.clone();
        let package = moved.packages.pop().unwrap();
        moved.modules.insert(0, package);
        assert_ne!(one.key(), moved.key(), "a word moved between lists");
    }

    #[test]
    fn what_has_no_zfs_keeps_its_key() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        let recipe = Recipe {
            suite: "bookworm".into(),
            packages: words("bash mdadm"),
            modules: words("ahci xfs"),
            prune: "rm\n".into(),
            early_modules: words("loop"),
            zfs: None,
        };
        assert_eq!(recipe.key(), "e4754b125063438a5f2c");
    }

    #[test]
    fn lists_have_no_comment_in_them() {
        let recipe = Recipe::installer();
        assert!(recipe.packages.iter().any(|name| name == "mdadm"));
        assert!(recipe.modules.iter().chain(&recipe.packages).all(|name| !name.contains('#')));
    }
}
