//! The cluster's objects as files under `manifests/`. What they are is the crate `cluster`'s.

use super::upstream;
use crate::failure::Failure;
use crate::load::Loaded;
use cluster::rendered::{self, Breach, What, Whose};
use cluster::{Manifest, RenderError};
use nixos::File;
use std::fs;
use std::path::Path;

/// Where they lie in the tree.
pub const FOLDER: &str = "manifests";

/// The objects, in files by waves.
pub fn manifests(loaded: &Loaded) -> Result<Vec<Manifest>, Failure> {
    let fleet = &loaded.fleet;
    let failed = |error: RenderError| match error {
        RenderError::Operator(error) => {
            Failure::usage(error.to_string(), "unset HOMEHIVE_UPSTREAM, or name a checkout of the pinned release there")
        }
        error => Failure::Bug(error.to_string()),
    };
    let catalogue = cluster::versions(fleet).map_err(|error| failed(error.into()))?;
    let upstream = upstream::gather(fleet, &catalogue)?;
    cluster::render(fleet, &upstream).map_err(failed)
}

/// The files.
pub(super) fn files(loaded: &Loaded) -> Result<Vec<File>, Failure> {
    let file = |manifest: &Manifest| {
        let text = manifest.text().map_err(|error| Failure::Bug(error.to_string()))?;
        Ok(File { path: format!("{FOLDER}/{}", manifest.file_name()), text })
    };
    manifests(loaded)?.iter().map(file).collect()
}

/// Volumes that may not follow what was rendered before in a tree.
pub fn breaches(loaded: &Loaded, dir: &Path) -> Vec<Breach> {
    let folder = dir.join(FOLDER);
    rendered::breaches(&loaded.fleet, |file| fs::read_to_string(folder.join(file)).ok())
}

/// A breach for people: where in the fleet file, what, and what to do.
pub struct Told {
    /// Where.
    pub at: document::Path,
    /// Its code.
    pub code: &'static str,
    /// What would be.
    pub message: String,
    /// What stands at the mark.
    pub label: &'static str,
    /// What to do.
    pub help: String,
}

/// A breach for people.
pub fn told(breach: &Breach) -> Told {
    let (table, subject, page) = match &breach.whose {
        Whose::Share(name) => {
            (vec!["shares", name.as_ref()], format!("share `{name}`"), "docs/shares.md, \"Moving a share\"")
        }
        Whose::Monitoring => {
            (vec!["monitoring"], "what monitoring has measured".to_owned(), "docs/monitoring.md, \"Moving it\"")
        }
    };
    let file = format!("{FOLDER}/{}", breach.file);
    let at = |field: &'static str| table.iter().copied().chain([field]).collect::<document::Path>();
    match &breach.what {
        What::Shrunk { was, is } => Told {
            at: at("size"),
            code: "fleet::share_shrunk",
            message: format!("{subject} would shrink from {was} to {is}"),
            label: "may be less than it holds",
            help: format!(
                "write `size = \"{was}\"`; if what it holds fits into {is} by now, delete {file} and render again"
            ),
        },
        What::Moved { was, is } => {
            let field = if was.machine == is.machine { "volume" } else { "machine" };
            let code = match breach.whose {
                Whose::Share(_) => "fleet::share_moved",
                Whose::Monitoring => "fleet::monitoring_moved",
            };
            let back = match (&breach.whose, field) {
                (_, "machine") => format!("write `machine = \"{}\"`", was.machine),
                _ => "write `volume` as it was".to_owned(),
            };
            Told {
                at: at(field),
                code,
                message: format!("{subject} would move from {was} to {is}"),
                label: "its data would stay where they are",
                help: format!(
                    "{back}; to move it with its data go by the steps of {page}; if no cluster has it yet, \
                     delete {file} and render again"
                ),
            }
        }
    }
}
