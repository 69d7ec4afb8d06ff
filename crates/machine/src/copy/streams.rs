//! Which archives are sent to whom: what several machines lack in common is packed once for all of them. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// One archive and the targets that receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream<'a> {
    /// Indices of the targets.
    pub targets: Vec<usize>,
    /// The tool that unpacks it there.
    pub packer: &'static str,
    /// The store paths.
    pub paths: Vec<&'a str>,
}

/// The fewest archives of which every target receives exactly what it lacks: one for each set of targets that lack a path
/// in common. `lacks` holds each target's packer and missing paths. Those for many come first.
pub(super) fn streams<'a>(lacks: &[(&'static str, BTreeSet<&'a str>)]) -> Vec<Stream<'a>> {
    let mut lacking: BTreeMap<(&'static str, &'a str), Vec<usize>> = BTreeMap::new();
    for (index, (packer, paths)) in lacks.iter().enumerate() {
        for path in paths {
            lacking.entry((packer, path)).or_default().push(index);
        }
    }
    let mut streams: BTreeMap<(&'static str, Vec<usize>), Vec<&'a str>> = BTreeMap::new();
    for ((packer, path), targets) in lacking {
        streams.entry((packer, targets)).or_default().push(path);
    }
    let whole = |((packer, targets), paths)| Stream { targets, packer, paths };
    let mut streams: Vec<_> = streams.into_iter().map(whole).collect();
    streams.sort_by_key(|stream| std::cmp::Reverse(stream.targets.len()));
    streams
}

#[cfg(test)]
mod tests {
    use super::streams;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_lacked_in_common_is_packed_once() {
        let lacks = [
            ("zstd", BTreeSet::from(["a", "b", "x"])),
            ("zstd", BTreeSet::from(["a", "b", "y"])),
            ("gzip", BTreeSet::from(["a", "b"])),
            ("zstd", BTreeSet::new()),
        ];
        let told: Vec<_> = streams(&lacks).into_iter().map(|it| (it.targets, it.packer, it.paths)).collect();
        let expected = [
            (vec![0, 1], "zstd", vec!["a", "b"]),
            (vec![2], "gzip", vec!["a", "b"]),
            (vec![0], "zstd", vec!["x"]),
            (vec![1], "zstd", vec!["y"]),
        ];
        assert_eq!(told, expected);
    }

    proptest! {
        /// Every target receives exactly what it lacks, each path once.
        #[test]
        fn everybody_gets_what_they_lack(sets in prop::collection::vec(prop::collection::btree_set("[a-f]", 0..6), 1..6)) {
            let lacks: Vec<_> = sets.iter().map(|set| ("zstd", set.iter().map(String::as_str).collect())).collect();
            let all = streams(&lacks);
            for (index, (_, lacking)) in lacks.iter().enumerate() {
                let got: Vec<&str> =
                    all.iter().filter(|it| it.targets.contains(&index)).flat_map(|it| it.paths.clone()).collect();
                prop_assert_eq!(got.len(), lacking.len());
                prop_assert_eq!(&got.into_iter().collect::<BTreeSet<_>>(), lacking);
            }
        }
    }
}
