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
    /// Files of the initial RAM disk: path, mode, content.
    pub files: Vec<(String, u32, String)>,
    /// Kernel modules that the initial RAM disk loads, in this order.
    pub early_modules: Vec<String>,
}

/// To be raised when the builder itself makes something else of the same recipe.
const FORMAT: &str = "1";

impl Recipe {
    /// The installation medium of a lab.
    pub fn installer() -> Self {
        let executable = |path: &str, text: &str| (path.to_owned(), 0o755, text.to_owned());
        Self {
            suite: "bookworm".into(),
            packages: words(include_str!("../../guest/packages.txt")),
            modules: words(include_str!("../../guest/modules.txt")),
            prune: include_str!("../../guest/prune.sh").into(),
            files: vec![
                executable("init", include_str!("../../guest/init.sh")),
                executable("stage2/start.sh", include_str!("../../guest/start.sh")),
                executable("stage2/stop.sh", include_str!("../../guest/stop.sh")),
                ("stage2/inittab".into(), 0o644, include_str!("../../guest/inittab").into()),
                ("stage2/sshd_config".into(), 0o644, include_str!("../../guest/sshd_config").into()),
            ],
            early_modules: ["virtio_pci", "virtio_blk", "squashfs", "overlay"].map(str::to_owned).into(),
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
        for (path, mode, content) in &self.files {
            add(path);
            add(&mode.to_string());
            add(content);
        }
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
        let changes: [(&str, Change); 7] = [
            ("suite", |recipe| recipe.suite = "trixie".into()),
            ("a package", |recipe| recipe.packages.push("htop".into())),
            ("a module", |recipe| recipe.modules.push("dummy".into())),
            ("prune", |recipe| recipe.prune.push('\n')),
            ("a file's content", |recipe| recipe.files[0].2.push('\n')),
            ("a file's mode", |recipe| recipe.files[0].1 = 0o700),
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
