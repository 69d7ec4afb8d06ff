//! Rendered files against what is on disk: which differ, and which somebody has edited.

use super::record::{Record, digest};
use nixos::File;
use schemars::JsonSchema;
use serde::Serialize;
use similar::TextDiff;
use std::collections::BTreeSet;

/// One file that is not on disk as it is rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// Which file, relative to the tree.
    pub path: String,
    /// How it differs.
    pub what: What,
    /// From what is on disk to what is rendered, as a unified diff.
    pub diff: String,
}

/// How a file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It is not there yet.
    Missing,
    /// It is there as homehive once wrote it, and is to be another now.
    Outdated,
    /// It is there as homehive once wrote it, and nothing needs it any more.
    Leftover,
    /// It is not as homehive wrote it.
    Edited,
}

/// Every difference, by path. `there` reads a file of the tree.
pub(super) fn compare<E>(
    files: &[File],
    record: &Record,
    overwrite: &[String],
    there: impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
) -> Result<Vec<Change>, E> {
    let named = |path: &str| overwrite.iter().any(|name| name == path);
    let mut changes = Vec::new();
    for file in files {
        let found = there(&file.path)?;
        let what = match &found {
            None => What::Missing,
            Some(bytes) if bytes == file.text.as_bytes() => continue,
            Some(bytes) if record.wrote(&file.path, &digest(bytes)) || named(&file.path) => What::Outdated,
            Some(_) => What::Edited,
        };
        let diff = diff(&file.path, found.as_deref().unwrap_or_default(), &file.text);
        changes.push(Change { path: file.path.clone(), what, diff });
    }
    let rendered: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    for path in record.paths().filter(|path| !rendered.contains(path)) {
        let Some(bytes) = there(path)? else { continue };
        let ours = record.wrote(path, &digest(&bytes)) || named(path);
        let what = if ours { What::Leftover } else { What::Edited };
        changes.push(Change { path: path.to_owned(), what, diff: diff(path, &bytes, "") });
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

fn diff(path: &str, old: &[u8], new: &str) -> String {
    let old = String::from_utf8_lossy(old);
    let diff = TextDiff::from_lines(old.as_ref(), new);
    diff.unified_diff()
        .context_radius(2)
        .header(&format!("{path} (on disk)"), &format!("{path} (rendered)"))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::{What, compare};
    use crate::rendering::record::Record;
    use nixos::File;
    use std::collections::BTreeMap;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn what_differs_is_told_from_what_was_edited() {
        let before = [
            file("same", "1\n"),
            file("outdated", "1\n"),
            file("edited", "1\n"),
            file("gone", "1\n"),
            file("kept", "1\n"),
            file("away", "1\n"),
        ];
        let record = Record::of(&before);
        let now = [
            file("same", "1\n"),
            file("outdated", "2\n"),
            file("edited", "2\n"),
            file("missing", "1\n"),
            file("foreign", "1\n"),
        ];
        let disk: BTreeMap<&str, &str> = [
            ("same", "1\n"),
            ("outdated", "1\n"),
            ("edited", "1\nmine\n"),
            ("gone", "1\n"),
            ("kept", "mine\n"),
            ("foreign", "theirs\n"),
        ]
        .into();
        let there = |path: &str| Ok::<_, ()>(disk.get(path).map(|text| text.as_bytes().to_vec()));
        let found = compare(&now, &record, &[], there).unwrap();
        let found: Vec<_> = found.iter().map(|change| (change.path.as_str(), change.what)).collect();
        let wanted = [
            ("edited", What::Edited),
            ("foreign", What::Edited),
            ("gone", What::Leftover),
            ("kept", What::Edited),
            ("missing", What::Missing),
            ("outdated", What::Outdated),
        ];
        assert_eq!(found, wanted);
        let named = ["edited", "foreign", "kept"].map(str::to_owned);
        let found = compare(&now, &record, &named, there).unwrap();
        assert!(found.iter().all(|change| change.what != What::Edited), "{found:?}");
        assert!(found[0].diff.contains("-mine\n"), "{}", found[0].diff);
    }
}
