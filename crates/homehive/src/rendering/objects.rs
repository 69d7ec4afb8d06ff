//! The cluster's objects as files under `manifests/`. What they are is the crate `cluster`'s.

use super::upstream;
use crate::failure::Failure;
use crate::load::Loaded;
use cluster::volumes::{self, Shrunk};
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

/// Shares that are to hold less than what was rendered before says, in a tree.
pub fn shrunk(loaded: &Loaded, dir: &Path) -> Vec<Shrunk> {
    match fs::read_to_string(dir.join(FOLDER).join(volumes::FILE)) {
        Ok(text) => volumes::shrunk(&loaded.fleet, &text),
        Err(_) => Vec::new(),
    }
}

/// What to do about a share that shrinks.
pub fn advice(shrunk: &Shrunk) -> String {
    format!(
        "write `size = \"{}\"`; if what it holds fits into {} by now, delete {FOLDER}/{} and render again",
        shrunk.was,
        shrunk.is,
        volumes::FILE
    )
}
