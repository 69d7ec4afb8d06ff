//! The record of what homehive wrote: a digest for each file, in a file of the tree that is committed with it, so that
//! an edit is noticed on any clone.

use crate::failure::Failure;
use nixos::File;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// Where it lies in the tree.
const FILE: &str = ".rendered.json";

/// Digests of files as homehive wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// SHA-256 by path.
    files: BTreeMap<String, String>,
    /// What is being written; empty unless homehive was cut while it wrote.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pending: BTreeMap<String, String>,
}

impl Record {
    pub(super) fn of(files: &[File]) -> Self {
        let digests = files.iter().map(|file| (file.path.clone(), digest(file.text.as_bytes())));
        Self { version: 1, files: digests.collect(), pending: BTreeMap::new() }
    }

    /// With these files on their way to the disk.
    pub(super) fn pending(&self, files: &[File]) -> Self {
        Self { version: 1, files: self.files.clone(), pending: Self::of(files).files }
    }

    /// Did homehive write this?
    pub(super) fn wrote(&self, path: &str, digest: &str) -> bool {
        [&self.files, &self.pending].iter().any(|all| all.get(path).is_some_and(|known| known == digest))
    }

    /// All files that homehive knows to have written.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        let more = self.pending.keys().filter(|path| !self.files.contains_key(*path));
        self.files.keys().chain(more).map(String::as_str)
    }

    pub(super) fn read(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(super::cannot("read", &path, &error)),
        };
        let record: Self = serde_json::from_str(&text).map_err(|error| {
            let help = "take it from your version control, or delete it: then every file counts as edited by hand";
            Failure::usage(format!("{} is not as homehive wrote it: {error}", path.display()), help)
        })?;
        // A path in it is removed when it is no longer rendered: it must not lead out of the tree.
        let inside =
            |path: &&str| Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if let Some(stray) = record.paths().find(|path| !inside(path)) {
            let text = format!("{} names `{stray}`, which is no file of the tree", path.display());
            return Err(Failure::usage(text, "take it from your version control"));
        }
        Ok(record)
    }

    pub(super) fn save(&self, dir: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Failure::Bug(error.to_string()))?;
        let (path, text) = (dir.join(FILE), format!("{text}\n"));
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            return Ok(());
        }
        super::save(&path, text.as_bytes())
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::Record;

    #[test]
    fn a_record_that_leads_elsewhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for (case, text, wanted) in [
            ("outside", r#"{"version":1,"files":{"../x":"00"}}"#, Some("`../x`")),
            ("absolute", r#"{"version":1,"files":{"/etc/x":"00"}}"#, Some("`/etc/x`")),
            ("broken", "{", Some("not as homehive wrote it")),
            ("good", r#"{"version":1,"files":{"hosts/nas/default.nix":"00"}}"#, None),
        ] {
            std::fs::write(dir.path().join(super::FILE), text).unwrap();
            match (Record::read(dir.path()), wanted) {
                (Ok(_), None) => {}
                (Err(error), Some(wanted)) => assert!(error.to_string().contains(wanted), "{case}: {error}"),
                (found, _) => panic!("{case}: {found:?}"),
            }
        }
    }
}
