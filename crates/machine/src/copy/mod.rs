//! Copying closures into other machines' stores: only the paths that each lacks, packed once for all that lack the same,
//! to many machines at once. Which closures, and what is done with them there, is the caller's business.
//!
//! Files first, as an archive that keeps them as they are, and on stable storage; then their registration, which alone
//! makes them valid: a copy that is cut leaves nothing that any Nix would use, and the next one writes it again.
//! `nix copy` and `nix-store --import` hash everything once more on the machine, which costs a slow one three times the
//! time; on the way the bytes are guarded by SSH. From the first look until a garbage collector's root stands, Nix'
//! own lock keeps the machine's garbage collector out.

mod fan;
mod hold;
mod registration;
mod streams;

use crate::{Machine, RunError, Story, run_local};
use cmd::Cmd;
use fan::{Fan, Sink};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use hold::Hold;
use registration::Registration;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::time::Duration;
use streams::{Stream, streams};

/// A system closure in this machine's store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// The system's own store path.
    pub system: String,
    /// All its paths, what is referred to first.
    pub paths: Vec<String>,
    /// Bytes of all paths as Nix archives.
    pub size: u64,
}

/// A machine that is to have a closure.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// The directory below which its store lies: `/`, or where the filesystems of a system to be are mounted.
    pub root: &'a str,
    /// What it is to have.
    pub closure: &'a Closure,
}

/// What a machine was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// How many paths it lacked.
    pub paths: usize,
    /// Their bytes as Nix archives.
    pub bytes: u64,
}

/// Why a machine has not got its closure.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The machine could not say which paths it has.
    #[error("asking which store paths are there: {0}")]
    Ask(RunError),
    /// Another copy goes on there.
    #[error("another homehive copies to it at this moment; wait until that has ended")]
    Busy,
    /// Its garbage collector runs and does not come to its end.
    #[error("its garbage collector has held the store's lock for {} min", .0.as_secs() / 60)]
    Collecting(Duration),
    /// This machine's store does not know the paths.
    #[error("reading {count} store paths here: {source}")]
    Source {
        /// How many.
        count: usize,
        /// Why.
        source: RunError,
    },
    /// The list of paths could not be written down for `tar`.
    #[error("cannot write the list of store paths: {0}")]
    List(#[from] io::Error),
    /// The stream broke.
    #[error("copying {count} store paths: {source}")]
    Stream {
        /// How many.
        count: usize,
        /// Why.
        source: RunError,
    },
    /// The session that kept its garbage collector out has ended before everything was there.
    #[error(
        "its garbage collector was not kept out to the end, and may have taken what was copied; nothing was registered"
    )]
    LetGo,
    /// Everything was sent, and is not registered.
    #[error("registering {count} store paths: {source}")]
    Register {
        /// How many.
        count: usize,
        /// Why.
        source: RunError,
    },
}

const ASK: Duration = Duration::from_mins(2);
/// A link on which no byte has moved for so long is broken. Slow is not: there is no other deadline.
const STALL: Duration = Duration::from_mins(2);
/// What a disk takes at least in a second once the page cache is full: an old USB stick's worth.
const SLOW_DISK: u64 = 1 << 20;

/// Copies to each target what it lacks, to at most `parallel` at once; the results are in the order of the targets.
///
/// A target that fails, or whose link stalls, takes no other one with it.
pub async fn copy(targets: &[Target<'_>], parallel: usize, story: &Story) -> Vec<Result<Copied, CopyError>> {
    let mut results = Vec::with_capacity(targets.len());
    for batch in targets.chunks(parallel.max(1)) {
        results.extend(copy_batch(batch, story).await);
    }
    results
}

/// Copies one closure to one machine.
pub async fn copy_one(target: Target<'_>, story: &Story) -> Result<Copied, CopyError> {
    copy(&[target], 1, story).await.pop().unwrap_or(Ok(Copied::default()))
}

/// A target, and how far it is.
struct Lane<'a> {
    target: Target<'a>,
    hold: Hold,
    registration: Registration,
}

async fn copy_batch(targets: &[Target<'_>], story: &Story) -> Vec<Result<Copied, CopyError>> {
    let held = join_all(targets.iter().map(|target| lane(target, story))).await;
    let mut failures: Vec<Option<CopyError>> = Vec::with_capacity(held.len());
    let mut lanes: Vec<Option<Lane<'_>>> = Vec::with_capacity(held.len());
    for held in held {
        let (lane, failure) = held.map_or_else(|error| (None, Some(error)), |lane| (Some(lane), None));
        lanes.push(lane);
        failures.push(failure);
    }
    let lacks: Vec<(&'static str, BTreeSet<&str>)> = lanes
        .iter()
        .map(|lane| lane.as_ref().map_or_else(Default::default, |lane| (lane.hold.packer(), lane.registration.paths())))
        .collect();
    let (shared, own): (Vec<_>, Vec<_>) = streams(&lacks).into_iter().partition(|stream| stream.targets.len() > 1);
    for stream in &shared {
        let ended = send(stream, &lanes, &failures, story).await;
        note(ended, &mut failures);
    }
    let sent: Vec<_> = stream::iter(own.iter().map(|stream| send(stream, &lanes, &failures, story)))
        .buffer_unordered(8)
        .collect()
        .await;
    for ended in sent {
        note(ended, &mut failures);
    }
    let ends = lanes.into_iter().zip(failures).map(async |(lane, failure)| match (lane, failure) {
        (_, Some(error)) => Err(error),
        (Some(lane), None) => lane.finish().await,
        (None, None) => Ok(Copied::default()),
    });
    join_all(ends).await
}

/// Takes down which targets a stream has failed for.
fn note(ended: Vec<(usize, CopyError)>, failures: &mut [Option<CopyError>]) {
    for (index, error) in ended {
        failures[index].get_or_insert(error);
    }
}

/// Keeps the garbage collector out, and asks what is lacking.
async fn lane<'a>(target: &Target<'a>, story: &Story) -> Result<Lane<'a>, CopyError> {
    let (hold, missing) = Hold::take(target, story).await?;
    let mut registration = Registration::default();
    if missing.is_empty() {
        story.note(target.machine.name(), "has every path of the closure already");
    } else {
        let dump = Cmd::new("nix-store").arg("--dump-db").args(missing.iter().map(String::as_str));
        let source = |source| CopyError::Source { count: missing.len(), source };
        registration = Registration::read(&run_local(&dump, ASK).await.map_err(source)?.stdout);
    }
    Ok(Lane { target: *target, hold, registration })
}

/// Sends one archive to all targets of `stream` that are still well; those for which it failed, and why.
async fn send(
    stream: &Stream<'_>,
    lanes: &[Option<Lane<'_>>],
    failures: &[Option<CopyError>],
    story: &Story,
) -> Vec<(usize, CopyError)> {
    let count = stream.paths.len();
    let alive: Vec<(usize, &Lane<'_>)> = stream
        .targets
        .iter()
        .filter(|index| failures[**index].is_none())
        .filter_map(|index| Some((*index, lanes[*index].as_ref()?)))
        .collect();
    let all = |source: &dyn Fn() -> CopyError| alive.iter().map(|(index, _)| (*index, source())).collect();
    let list = match list(&stream.paths) {
        Ok(list) => list,
        Err(error) => {
            let (kind, text) = (error.kind(), error.to_string());
            return all(&|| CopyError::List(io::Error::new(kind, text.clone())));
        }
    };
    let told = if alive.len() > 1 {
        format!("receives {count} store paths beside others")
    } else {
        format!("receives {count} store paths")
    };
    let names: Vec<&str> = alive.iter().map(|(_, lane)| lane.target.machine.name()).collect();
    for name in &names {
        story.stage(*name, &told);
    }
    let sinks = alive.iter().map(|(_, lane)| Sink { words: hold::unpack(lane.target, stream.packer) }).collect();
    let tell = |done, total| {
        for name in &names {
            story.progress(name, "receives", done, total, "bytes");
        }
    };
    let fan = Fan { from: pack(&list), packer: packer(stream.packer), counted: counted(&list), sinks, stall: STALL };
    let ends = fan.run(tell).await;
    let failed = |(index, source): (usize, RunError)| (index, CopyError::Stream { count, source });
    let indices = alive.iter().map(|(index, _)| *index);
    indices.zip(ends).filter_map(|(index, end)| Some((index, end.err()?))).map(failed).collect()
}

/// The paths in a file for `tar`, for there may be more than fit on a command line.
fn list(paths: &[&str]) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new()?;
    for path in paths {
        writeln!(file, "{}", path.trim_start_matches('/'))?;
    }
    file.flush()?;
    Ok(file)
}

fn tar(file: &str, list: &tempfile::NamedTempFile) -> Cmd {
    let words = ["LC_ALL=C", "tar", "--create", file, "--directory=/", "--owner=0", "--group=0", "--numeric-owner"];
    let from = format!("--files-from={}", list.path().display());
    Cmd::new("env").args(words).args(["--blocking-factor=256", "--verbatim-files-from"]).arg(from)
}

/// Words that write the archive.
fn pack(list: &tempfile::NamedTempFile) -> Cmd {
    tar("--file=-", list)
}

/// Words that say how many bytes the archive will have: `tar` reads no file to write it to `/dev/null`.
fn counted(list: &tempfile::NamedTempFile) -> Cmd {
    tar("--file=/dev/null", list).arg("--totals")
}

/// Words that pack what goes over the line. Levels above the fastest cost more time than they save on any home's network.
fn packer(tool: &str) -> Option<Cmd> {
    match tool {
        "zstd" => Some(Cmd::new("zstd").args(["-1", "--threads=0", "--quiet", "--stdout"])),
        "gzip" => Some(Cmd::new("gzip").args(["-1", "--stdout"])),
        _ => None,
    }
}

impl Lane<'_> {
    /// On stable storage, registered, and kept from the garbage collector; only now the hold ends.
    async fn finish(self) -> Result<Copied, CopyError> {
        let copied = Copied { paths: self.registration.len(), bytes: self.registration.bytes() };
        let failed = |source| match source {
            RunError::Failed { status: hold::LET_GO, .. } => CopyError::LetGo,
            source => CopyError::Register { count: copied.paths, source },
        };
        let finish = self.hold.finish(self.target, self.registration.text());
        let deadline = STALL + ASK + Duration::from_secs(copied.bytes / SLOW_DISK);
        self.target.machine.run(&finish, deadline).await.map_err(failed)?;
        self.hold.release().await;
        Ok(copied)
    }
}
