//! Files of other projects, handed in by whoever fetched and verified them: this crate fetches nothing.

use std::collections::BTreeMap;

/// Files of other projects, by the project's name in the catalogue and their path there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    files: BTreeMap<(String, String), String>,
}

/// A file that was not handed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} of {source_name} is needed and was not handed in")]
pub struct MissingFile {
    /// Whose.
    pub source_name: String,
    /// Which.
    pub path: String,
}

impl Upstream {
    /// Adds a file.
    pub fn add(&mut self, source: &str, path: &str, text: String) {
        self.files.insert((source.to_owned(), path.to_owned()), text);
    }

    /// A file's text.
    ///
    /// # Errors
    /// It was not handed in.
    pub fn text(&self, source: &str, path: &str) -> Result<&str, MissingFile> {
        let key = (source.to_owned(), path.to_owned());
        let missing = || MissingFile { source_name: source.to_owned(), path: path.to_owned() };
        self.files.get(&key).map(String::as_str).ok_or_else(missing)
    }
}
