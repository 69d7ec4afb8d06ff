//! Sets of disk images kept by name, so that a later run can start from them. That nobody writes to the disks meanwhile is
//! the caller's business.

use cmd::Cmd;
use machine::{RunError, run_local};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::qemu::{DiskSpec, Health, SpecError, check_name};

/// A directory of snapshots, each a directory of its own.
#[derive(Clone, Debug)]
pub struct Snapshots {
    dir: PathBuf,
}

/// Why a snapshot cannot be taken or restored.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// No such snapshot.
    #[error("there is no snapshot `{name}`; {}", Known(known))]
    Unknown {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The name is taken.
    #[error("there is a snapshot `{0}` already: choose another name, or remove it first")]
    Taken(String),
    /// The name cannot stand in a path.
    #[error(transparent)]
    Name(#[from] SpecError),
    /// Copying failed.
    #[error(transparent)]
    Copy(#[from] RunError),
    /// Files could not be read or written.
    #[error("{}: {source}", path.display())]
    Files {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The snapshot's list of disks does not do.
    #[error("{} is no list of disks: {source}", path.display())]
    List {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

struct Known<'a>(&'a [String]);

impl std::fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [] => f.write_str("there are none"),
            names => write!(f, "there are: {}", names.join(", ")),
        }
    }
}

/// A disk in a snapshot: what it is and how it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The disk.
    pub disk: DiskSpec,
    /// How it did.
    pub health: Health,
}

/// What a running machine had booted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Booted {
    /// The installation medium.
    Medium,
    /// Its own disks.
    Disks,
}

impl Booted {
    /// The file that says so, which is made once the memory is there.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Medium => "runs-from-medium",
            Self::Disks => "runs-from-disks",
        }
    }
}

/// The file of a machine's memory in its snapshot.
pub(crate) const MEMORY: &str = "memory";

/// Some gigabytes at the speed of a slow disk.
const COPYING: Duration = Duration::from_mins(10);

impl Snapshots {
    /// The snapshots in `dir`, which is made when needed.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Their names, sorted.
    pub fn list(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| check_name(name).is_ok()).collect();
        names.sort();
        names
    }

    /// Copies the images of `disks` from `images`; the copies are sparse, and share their blocks where the filesystem
    /// can. The snapshot is there whole or not at all.
    pub async fn save(&self, name: &str, disks: &[Kept], images: &Path) -> Result<(), SnapshotError> {
        self.begin(name)?;
        self.finish(name, disks, images).await
    }

    /// Makes room for a snapshot that [`Snapshots::finish`] will make one: what else belongs to it may be put there before.
    pub(crate) fn begin(&self, name: &str) -> Result<PathBuf, SnapshotError> {
        check_name(name)?;
        if self.dir.join(name).exists() {
            return Err(SnapshotError::Taken(name.to_owned()));
        }
        let unfinished = self.dir.join(format!(".{name}"));
        remove(&unfinished)?;
        fs::create_dir_all(&unfinished).map_err(files(&unfinished))?;
        Ok(unfinished)
    }

    /// The second half of [`Snapshots::save`].
    pub(crate) async fn finish(&self, name: &str, disks: &[Kept], images: &Path) -> Result<(), SnapshotError> {
        let (unfinished, place) = (self.dir.join(format!(".{name}")), self.dir.join(name));
        for kept in disks {
            copy(&image(images, kept), &image(&unfinished, kept)).await?;
        }
        let list = unfinished.join("disks.json");
        let text =
            serde_json::to_string_pretty(disks).map_err(|source| SnapshotError::List { path: list.clone(), source })?;
        fs::write(&list, text).map_err(files(&list))?;
        fs::rename(&unfinished, &place).map_err(files(&place))
    }

    /// The disks of a snapshot.
    pub fn disks(&self, name: &str) -> Result<Vec<Kept>, SnapshotError> {
        let list = self.place(name)?.join("disks.json");
        let text = fs::read(&list).map_err(files(&list))?;
        serde_json::from_slice(&text).map_err(|source| SnapshotError::List { path: list, source })
    }

    /// Puts the images of a snapshot in the place of those in `images`, and says which disks they are.
    pub async fn restore(&self, name: &str, images: &Path) -> Result<Vec<Kept>, SnapshotError> {
        let place = self.place(name)?;
        let disks = self.disks(name)?;
        for kept in &disks {
            let fresh = images.join(format!(".{}.new", kept.disk.name));
            copy(&image(&place, kept), &fresh).await?;
            fs::rename(&fresh, image(images, kept)).map_err(files(&fresh))?;
        }
        Ok(disks)
    }

    /// Removes a snapshot.
    pub fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        remove(&self.place(name)?)
    }

    /// The memory of the machine that a snapshot was taken of, and what it had booted from; none if it was off.
    pub fn memory(&self, name: &str) -> Option<(PathBuf, Booted)> {
        let place = self.place(name).ok()?;
        let booted = [Booted::Medium, Booted::Disks].into_iter().find(|it| place.join(it.mark()).exists())?;
        Some((place.join(MEMORY), booted))
    }

    fn place(&self, name: &str) -> Result<PathBuf, SnapshotError> {
        let place = self.dir.join(name);
        if check_name(name).is_ok() && place.is_dir() {
            return Ok(place);
        }
        Err(SnapshotError::Unknown { name: name.to_owned(), known: self.list() })
    }
}

fn image(dir: &Path, kept: &Kept) -> PathBuf {
    dir.join(format!("{}.raw", kept.disk.name))
}

async fn copy(from: &Path, to: &Path) -> Result<(), SnapshotError> {
    let words = Cmd::new("cp").args(["--sparse=always", "--reflink=auto", "--"]);
    let words = words.arg(from.to_string_lossy().into_owned()).arg(to.to_string_lossy().into_owned());
    run_local(&words, COPYING).await?;
    Ok(())
}

fn remove(path: &Path) -> Result<(), SnapshotError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(files(path)(error)),
        _ => Ok(()),
    }
}

fn files(path: &Path) -> impl Fn(io::Error) -> SnapshotError {
    |source| SnapshotError::Files { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Snapshots};
    use crate::qemu::{DiskKind, DiskSpec, Health};
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    #[tokio::test]
    async fn a_disk_comes_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let disk = DiskSpec {
            name: "usb".into(),
            kind: DiskKind::Usb,
            serial: "A".into(),
            wwn: None,
            bytes: 64 << 20,
            boot: true,
        };
        let image = dir.path().join("usb.raw");
        fs::write(&image, b"before").unwrap();
        fs::File::options().write(true).open(&image).unwrap().set_len(disk.bytes).unwrap();
        let snapshots = Snapshots::at(dir.path().join("snapshots"));
        let disks = [Kept { disk, health: Health::Dying }];
        assert!(snapshots.list().is_empty());
        snapshots.save("installed", &disks, dir.path()).await.unwrap();
        fs::write(&image, b"after").unwrap();
        assert_eq!(snapshots.restore("installed", dir.path()).await.unwrap(), disks);
        let back = fs::read(&image).unwrap();
        assert_eq!((&back[..7], back.len()), (b"before\0".as_slice(), 64 << 20));
        assert!(fs::metadata(&image).unwrap().blocks() * 512 < 1 << 20, "sparse");

        let error = snapshots.save("installed", &disks, dir.path()).await.unwrap_err().to_string();
        assert_eq!(error, "there is a snapshot `installed` already: choose another name, or remove it first");
        let error = snapshots.disks("whole").unwrap_err().to_string();
        assert_eq!(error, "there is no snapshot `whole`; there are: installed");
        assert!(snapshots.save("../up", &disks, dir.path()).await.is_err());
        snapshots.remove("installed").unwrap();
        assert!(snapshots.list().is_empty());
    }
}
