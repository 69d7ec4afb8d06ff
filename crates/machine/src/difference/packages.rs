//! Two closures beside each other: which packages come, go and change, and how much room that takes.

use super::Package;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The store paths of a closure with their sizes as Nix archives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents(pub BTreeMap<String, u64>);

/// What becomes of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// It has other versions, or another size.
    Changed,
}

/// One package that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub kind: Kind,
    /// Its versions before; an empty one is that of a path without version.
    pub before: Vec<String>,
    /// Its versions afterwards.
    pub after: Vec<String>,
    /// How many bytes it takes more than before.
    pub bytes: i64,
}

/// All packages that differ between two closures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Packages {
    /// Those that differ to a person's eye, by name.
    pub changes: Vec<Change>,
    /// How many others were built anew with the same versions and about the same size.
    pub rebuilt: usize,
    /// Bytes of the closure before.
    pub before: u64,
    /// Bytes of the closure afterwards.
    pub after: u64,
}

/// A package of the same versions is told only if its size has changed by more than this.
const NOTABLE: u64 = 8 << 10;

impl Contents {
    /// Reads `nix-store --query --requisites` and `--size`, both line by line in the same order; what fits no size has
    /// none.
    pub fn read(paths: &str, sizes: &str) -> Self {
        let sizes = sizes.lines().map(|size| size.trim().parse().unwrap_or(0)).chain(std::iter::repeat(0));
        Self(paths.lines().filter(|path| !path.is_empty()).map(str::to_owned).zip(sizes).collect())
    }

    fn bytes(&self) -> u64 {
        self.0.values().sum()
    }

    fn packages(&self) -> BTreeMap<String, Vec<(&str, String, u64)>> {
        let mut packages: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (path, size) in &self.0 {
            let Package { name, version } = Package::of(path);
            packages.entry(name).or_default().push((path.as_str(), version, *size));
        }
        packages
    }
}

impl Packages {
    /// What differs.
    pub fn between(before: &Contents, after: &Contents) -> Self {
        let (old, new) = (before.packages(), after.packages());
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let mut this = Self { before: before.bytes(), after: after.bytes(), ..Self::default() };
        for name in names {
            let of = |packages: &BTreeMap<String, Vec<(&str, String, u64)>>| {
                let paths = packages.get(name).cloned_paths();
                (paths.0, paths.1, paths.2)
            };
            let ((paths, versions, size), (new_paths, new_versions, new_size)) = (of(&old), of(&new));
            if paths == new_paths {
                continue;
            }
            let kind = match (paths.is_empty(), new_paths.is_empty()) {
                (true, _) => Kind::Added,
                (_, true) => Kind::Removed,
                _ => Kind::Changed,
            };
            if kind == Kind::Changed && versions == new_versions && size.abs_diff(new_size) <= NOTABLE {
                this.rebuilt += 1;
                continue;
            }
            let bytes = new_size.cast_signed() - size.cast_signed();
            let (before, after) = (versions.into_iter().collect(), new_versions.into_iter().collect());
            this.changes.push(Change { name: name.clone(), kind, before, after, bytes });
        }
        this
    }

    /// Does nothing differ?
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.rebuilt == 0
    }
}

/// The paths, versions and bytes of one package.
trait Paths {
    fn cloned_paths(self) -> (BTreeSet<String>, BTreeSet<String>, u64);
}

impl Paths for Option<&Vec<(&str, String, u64)>> {
    fn cloned_paths(self) -> (BTreeSet<String>, BTreeSet<String>, u64) {
        let all = self.into_iter().flatten();
        let mut whole = (BTreeSet::new(), BTreeSet::new(), 0);
        for (path, version, size) in all {
            whole.0.insert((*path).to_owned());
            whole.1.insert(version.clone());
            whole.2 += size;
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::{Contents, Packages};
    use proptest::prelude::*;

    fn contents(paths: &[(&str, u64)]) -> Contents {
        let hash = |text: &str| format!("{:0>32}", text.bytes().map(u64::from).sum::<u64>());
        Contents(paths.iter().map(|(name, size)| (format!("/nix/store/{}-{name}", hash(name)), *size)).collect())
    }

    #[test]
    fn what_differs_is_told_by_package() {
        let before =
            contents(&[("openssh-9.8", 5_000_000), ("gone-1.0", 100), ("same-1", 7), ("grows-2-a", 10), ("etc", 5)]);
        let after = Contents(
            contents(&[("openssh-9.9", 5_200_000), ("openssh-9.9-man", 10), ("new-0.1", 100_000), ("same-1", 7)])
                .0
                .into_iter()
                .chain([("/nix/store/0v7n991q2xlhy1nmkkbf2h4cwh3dmw52-etc".to_owned(), 6)])
                .collect(),
        );
        insta::assert_json_snapshot!(Packages::between(&before, &after));
    }

    #[test]
    fn paths_and_sizes_are_read() {
        let read = Contents::read("/nix/store/a\n/nix/store/b\n", "12\n13\n");
        assert_eq!(read.bytes(), 25);
        assert_eq!(Contents::read("/nix/store/a\n", "").bytes(), 0);
    }

    proptest! {
        /// Whatever changes adds up to the change of the whole, but for what was only rebuilt.
        #[test]
        fn changes_add_up(
            old in prop::collection::btree_map("[ab]{1,2}-[12]", 0_u64..1_000_000, 0..6),
            new in prop::collection::btree_map("[ab]{1,2}-[12]", 0_u64..1_000_000, 0..6),
        ) {
            let of = |all: &std::collections::BTreeMap<String, u64>| {
                contents(&all.iter().map(|(name, size)| (name.as_str(), *size)).collect::<Vec<_>>())
            };
            // The size of a path never changes.
            let new: std::collections::BTreeMap<_, _> =
                new.into_iter().map(|(name, size)| (name.clone(), old.get(&name).copied().unwrap_or(size))).collect();
            let packages = Packages::between(&of(&old), &of(&new));
            let sum: i64 = packages.changes.iter().map(|change| change.bytes).sum();
            prop_assert_eq!(sum, packages.after.cast_signed() - packages.before.cast_signed());
            prop_assert!(Packages::between(&of(&old), &of(&old)).is_empty());
        }
    }
}
