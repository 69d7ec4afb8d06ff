//! A file of objects, as a person would write it.

use crate::{Object, Wave};
use std::fmt::Write as _;

/// A file of objects of one wave.
///
/// On a single server k3s reads the files themselves, each as a set: an object that leaves a file which stays is deleted,
/// unasked, while one whose file goes away altogether is left alone (k3s, `pkg/deploy/controller.go`). With namespaces,
/// volumes, claims and definitions of kinds go data; so the name of a file says which of these it holds, whatever else the
/// fleet has: each namespace and each definition has a file of its own, each volume one with its claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// When they are applied.
    pub wave: Wave,
    /// What they are about: lower-case letters, digits and hyphens. k3s takes a file's name up to its first dot for the name
    /// of an add-on, so that each must differ from all others.
    pub name: String,
    /// What stands at the head of the file, as one or several lines.
    pub head: String,
    /// The objects, in the order of the file.
    pub objects: Vec<Object>,
}

/// Why a manifest cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// YAML cannot say it.
    #[error("{name}: {source}")]
    Yaml {
        /// The file.
        name: String,
        /// Why.
        source: Box<serde_saphyr::ser::Error>,
    },
}

impl Manifest {
    /// The file's name: `30-metallb.yaml`.
    pub fn file_name(&self) -> String {
        format!("{}-{}.yaml", self.wave.number(), self.name)
    }

    /// The file's text: its head as comments, and its objects as YAML documents.
    ///
    /// # Errors
    /// YAML cannot say it.
    pub fn text(&self) -> Result<String, ManifestError> {
        let mut text = String::new();
        for line in self.head.lines() {
            let _ = writeln!(text, "# {line}");
        }
        for object in &self.objects {
            let failed = |source| ManifestError::Yaml { name: self.file_name(), source: Box::new(source) };
            let body = serde_saphyr::to_string(object).map_err(failed)?;
            let _ = write!(text, "---\n{body}");
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
        Ok(text)
    }
}
