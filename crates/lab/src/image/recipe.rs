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
        }
    }

    /// The name under which the image is cached: it changes when anything in the recipe does.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            // Lengths keep apart what would otherwise run together.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part);
        };
        add(FORMAT);
        add(&self.suite);
        for list in [&self.packages, &self.modules, &self.early_modules] {
            add(&list.len().to_string());
            for word in list {
                add(word);
            }
        }
        add(&self.prune);
        hash.finalize().iter().take(10).fold(String::new(), |mut key, byte| {
            let _ = write!(key, "{byte:02x}");
            key
        })
    }
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
        let mut moved = one.clone();
        let package = moved.packages.pop().unwrap();
        moved.modules.insert(0, package);
        assert_ne!(one.key(), moved.key(), "a word moved between lists");
    }

    #[test]
    fn lists_have_no_comment_in_them() {
        let recipe = Recipe::installer();
        assert!(recipe.packages.iter().any(|name| name == "mdadm"));
        assert!(recipe.modules.iter().chain(&recipe.packages).all(|name| !name.contains('#')));
    }
}
