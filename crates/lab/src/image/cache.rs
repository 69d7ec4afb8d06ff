//! Where built images lie, and that two builders at once do not hurt each other. What an image is made of is the recipe's
//! business, making it the builder's.

use super::build::{BuildError, build};
use super::recipe::Recipe;
use super::zfs::MODULE;
use crate::event::{Event, Observer};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A whole image in the cache; it is never changed, so any number of guests may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its directory.
    pub dir: PathBuf,
    /// Its key: changes with everything that goes into it.
    pub key: String,
}

impl Image {
    /// The package tree as a tar archive: the pruned root with kernel, modules and boot files, all owners kept.
    pub fn packages(&self) -> PathBuf {
        self.dir.join("packages.tar")
    }

    /// The same tree as a squashfs: the guest's read-only root.
    pub fn squashfs(&self) -> PathBuf {
        self.dir.join("installer.squashfs")
    }

    /// The kernel as QEMU starts it: unpacked (ELF, entered by PVH) where it could be unpacked, a bzImage otherwise.
    pub fn kernel(&self) -> PathBuf {
        self.dir.join("kernel")
    }

    /// The initial RAM disk's part that all machines share: busybox and the kernel modules that find the medium.
    pub fn initrd(&self) -> PathBuf {
        self.dir.join("initrd")
    }

    fn is_whole(&self) -> bool {
        [self.packages(), self.squashfs(), self.kernel(), self.initrd()].iter().all(|file| file.is_file())
    }
}

/// The images of one user.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    mirror: Option<String>,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Nothing says where caches lie.
    #[error("no place for the guest image: neither XDG_CACHE_HOME nor HOME is set")]
    NoPlace,
    /// The cache's directory does not do.
    #[error("cannot use the image cache at {}: {source}", path.display())]
    Files {
        /// Which place.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another builder holds the cache for longer than any build takes.
    #[error("another process has been building the guest image for {} s: end it, or remove {}", waited.as_secs(), lock.display())]
    Busy {
        /// How long it was waited for.
        waited: Duration,
        /// The lock it holds.
        lock: PathBuf,
    },
    /// Building failed.
    #[error("the guest image could not be built: {0}")]
    Build(#[from] BuildError),
}

/// Longer than a build with a slow mirror.
const PATIENCE: Duration = Duration::from_mins(45);

/// How long another builder of this image may hold its lock.
fn patience(recipe: &Recipe) -> Duration {
    if recipe.zfs.is_some() { PATIENCE + MODULE } else { PATIENCE }
}

impl Cache {
    /// `$XDG_CACHE_HOME/homehive/lab`, or `~/.cache/homehive/lab`.
    pub fn of_user() -> Result<Self, CacheError> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // A relative XDG_CACHE_HOME is invalid and to be ignored (XDG Base Directory Specification).
        let base = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let base = base.or_else(|| set("HOME").map(|home| home.join(".cache"))).ok_or(CacheError::NoPlace)?;
        Ok(Self::at(base.join("homehive/lab")))
    }

    /// A cache in a directory of one's own; made when needed.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), mirror: None }
    }

    /// Takes packages from this mirror (`http://deb.debian.org/debian`), not from the one that mmdebstrap chooses.
    #[must_use]
    pub fn mirror(mut self, mirror: Option<String>) -> Self {
        self.mirror = mirror;
        self
    }

    /// The recipe's image, if it is there.
    pub fn find(&self, recipe: &Recipe) -> Option<Image> {
        let image = self.place(recipe);
        image.is_whole().then_some(image)
    }

    /// The recipe's image, built if it is not there: one to four minutes, and the network; the first one with ZFS takes
    /// some fifteen minutes more.
    pub async fn image(&self, recipe: &Recipe, observer: Observer<'_>) -> Result<Image, CacheError> {
        let begun = Instant::now();
        if let Some(image) = self.find(recipe) {
            return Ok(image);
        }
        fs::create_dir_all(&self.root).map_err(self.files())?;
        let _lock = self.lock(recipe, observer).await?;
        if let Some(image) = self.find(recipe) {
            return Ok(image);
        }
        let image = self.place(recipe);
        let unfinished = self.root.join(format!("{}.unfinished", image.key));
        for leftover in [&unfinished, &image.dir] {
            remove(leftover).map_err(self.files())?;
        }
        fs::create_dir(&unfinished).map_err(self.files())?;
        build(recipe, &unfinished, &self.root, self.mirror.as_deref(), observer).await?;
        fs::rename(&unfinished, &image.dir).map_err(self.files())?;
        observer(Event::ImageBuilt { took: begun.elapsed() });
        Ok(image)
    }

    fn place(&self, recipe: &Recipe) -> Image {
        let key = recipe.key();
        Image { dir: self.root.join(&key), key }
    }

    fn files(&self) -> impl Fn(io::Error) -> CacheError {
        |source| CacheError::Files { path: self.root.clone(), source }
    }

    /// The lock on one recipe's image; the system releases it when its holder ends, however it ends.
    async fn lock(&self, recipe: &Recipe, observer: Observer<'_>) -> Result<File, CacheError> {
        let path = self.root.join(format!("{}.lock", recipe.key()));
        let file = File::create(&path).map_err(self.files())?;
        let (begun, patience) = (Instant::now(), patience(recipe));
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if begun.elapsed() > patience => {
                    return Err(CacheError::Busy { waited: begun.elapsed(), lock: path });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(self.files()(source)),
            }
            if !std::mem::replace(&mut told, true) {
                observer(Event::ImageWait);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Removes a directory that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, Image};
    use crate::image::Recipe;
    use std::fs;

    #[test]
    fn only_a_whole_image_counts() {
        let root = tempfile::tempdir().unwrap();
        let (cache, recipe) = (Cache::at(root.path()), Recipe::installer());
        let image = Image { dir: root.path().join(recipe.key()), key: recipe.key() };
        fs::create_dir(&image.dir).unwrap();
        for file in [image.packages(), image.squashfs(), image.kernel()] {
            fs::write(file, "").unwrap();
        }
        assert_eq!(cache.find(&recipe), None, "no initrd yet");
        fs::write(image.initrd(), "").unwrap();
        assert_eq!(cache.find(&recipe), Some(image));
    }
}
