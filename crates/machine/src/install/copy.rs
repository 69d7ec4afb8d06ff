//! Copying a closure into another machine's store: only the paths that it lacks, as one archive.

use super::Closure;
use crate::{Machine, RunError, Story, run_local};
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
/// Files first, as an archive that keeps them as they are, and on stable storage; then their registration, which alone
/// makes them valid: a copy that is cut leaves nothing that any Nix would use, and the next one writes it again.
/// `nix copy` and `nix-store --import` hash everything once more on the machine, which costs a slow one three times the
/// time; on the way the bytes are guarded by SSH.
pub async fn copy(machine: &Machine, closure: &Closure, root: &str, story: &Story) -> Result<usize, CopyError> {
    let store = format!("local?root={root}");
    let there = Cmd::new("nix-store").args(["--store", &store, "--check-validity", "--print-invalid"]);
    let there = there.args(closure.paths.iter().map(String::as_str));
    let said = machine.run(&there, ASK).await.map_err(CopyError::Ask)?.stdout;
    let missing: Vec<&str> =
        closure.paths.iter().map(String::as_str).filter(|path| said.lines().any(|line| line == *path)).collect();
    let (name, count) = (machine.name(), missing.len());
    if missing.is_empty() {
        story.note(name, "has every path of the closure already");
        return Ok(0);
    }
    story.stage(name, format!("receives {count} of {} store paths", closure.paths.len()));
    let stream = |source| CopyError::Stream { count, source };
    let pack = Cmd::new("tar").args(["--create", "--use-compress-program=gzip -1", "--directory=/"]);
    let pack = pack.args(["--owner=0", "--group=0", "--numeric-owner", "--sort=name", "--"]);
    let pack = pack.args(missing.iter().map(|path| path.trim_start_matches('/')));
    let unpack =
        Cmd::new("tar").args(["--extract", "--gzip", "--preserve-permissions"]).arg(format!("--directory={root}"));
    let told = |bytes| story.progress(name, "receives, packed", bytes, None, "bytes");
    machine.stream(&pack, &unpack, told, STREAM).await.map_err(stream)?;
    machine.run(&Cmd::new("sync").args(["--file-system", root]), STREAM).await.map_err(stream)?;
    let register = Cmd::new("nix-store").arg("--dump-db").args(missing.iter().copied());
    let registration = run_local(&register, ASK).await.map_err(stream)?.stdout;
    let load = Cmd::new("nix-store").args(["--store", &store, "--load-db"]).input(registration);
    machine.run(&load, ASK).await.map_err(stream)?;
    Ok(count)
}
