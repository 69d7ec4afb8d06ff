//! Copying a closure into another machine's store: only the paths that it lacks, as one stream.

use super::Closure;
use crate::{Machine, RunError, Story};
use cmd::Cmd;
use std::time::Duration;

/// Why a closure was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The machine could not say which paths it has.
    #[error("asking which store paths are there: {0}")]
    Ask(RunError),
    /// The stream broke.
    #[error("copying {count} store paths: {source}")]
    Stream {
        /// How many.
        count: usize,
        /// Why.
        source: RunError,
    },
}

const ASK: Duration = Duration::from_mins(2);
/// A closure of some gigabytes over a slow link.
const STREAM: Duration = Duration::from_hours(2);

/// Copies what the store below `root` on `machine` lacks of `closure`; how many paths those were.
///
/// Both stores are opened as root without a daemon, so that no signature is asked for: what is sent is known by the
/// hashes that stand in its own stream.
pub async fn copy(machine: &Machine, closure: &Closure, root: &str, story: &Story) -> Result<usize, CopyError> {
    let store = format!("local?root={root}");
    let nix = |program: &str| Cmd::new(program).args(["--store", &store]);
    let valid =
        nix("nix-store").args(["--check-validity", "--print-invalid"]).args(closure.paths.iter().map(String::as_str));
    let said = machine.run(&valid, ASK).await.map_err(CopyError::Ask)?.stdout;
    // Exports must hold what is referred to before what refers to it: the closure's own order.
    let missing: Vec<&str> =
        closure.paths.iter().map(String::as_str).filter(|path| said.lines().any(|line| line == *path)).collect();
    let (name, count) = (machine.name(), missing.len());
    if missing.is_empty() {
        story.note(name, "has every path of the closure already");
        return Ok(0);
    }
    story.stage(name, format!("receives {count} of {} store paths", closure.paths.len()));
    let export = Cmd::new("nix-store").arg("--export").args(missing.iter().copied());
    let import = nix("nix-store").arg("--import");
    let told =
        |bytes| story.progress(name, "copies", bytes, (count == closure.paths.len()).then_some(closure.size), "bytes");
    machine.stream(&export, &import, told, STREAM).await.map_err(|source| CopyError::Stream { count, source })?;
    Ok(count)
}
