//! Builds an image from its recipe: packages to a tree, the tree to a squashfs, a kernel and an initial RAM disk. Where it
//! is kept is the cache's business.

use super::kernel::{Packed, packed};
use super::modules::in_order;
use super::recipe::Recipe;
use super::zfs::{ZfsError, module};
use crate::event::{Event, Observer};
use cmd::Cmd;
use machine::cpio::Archive;
use machine::{RunError, run_local};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why an image could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A program failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Files could not be read or written.
    #[error("{}: {source}", path.display())]
    Files {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The packages do not bring what every image needs.
    #[error("the packages bring no {what}: the image's recipe is wrong")]
    Lacking {
        /// What is missing.
        what: String,
    },
    /// The recipe asks for ZFS, and there is none.
    #[error(transparent)]
    Zfs(#[from] ZfsError),
}

/// Downloading a hundred packages over a slow line.
const PACKAGES: Duration = Duration::from_mins(30);
/// Packing and unpacking some hundred megabytes.
const PACKING: Duration = Duration::from_mins(5);

/// Builds into `dir`, which exists and is empty; what other images may use as well is kept in `shared`.
pub(super) async fn build(
    recipe: &Recipe,
    dir: &Path,
    shared: &Path,
    mirror: Option<&str>,
    observer: Observer<'_>,
) -> Result<(), BuildError> {
    let tell = |what| observer(Event::ImageStep { what });
    let packages = dir.join("packages.tar");
    let zfs = match &recipe.zfs {
        Some(zfs) => Some(module(recipe, zfs, shared, mirror, observer).await?),
        None => None,
    };
    tell("collects and installs the packages");
    run_local(&bootstrap(recipe, &packages, zfs.as_deref(), mirror), PACKAGES).await?;
    tell("packs the root filesystem");
    run_local(&squash(&packages, &dir.join("installer.squashfs")), PACKING).await?;
    tell("makes kernel and initial RAM disk");
    let parts = dir.join("parts");
    create(&parts)?;
    run_local(&extract(&packages, &parts), PACKING).await?;
    let image = find(&parts.join("boot"), "vmlinuz-")?;
    unpack_kernel(&image, &dir.join("kernel"), &parts).await?;
    write(&dir.join("initrd"), &initrd(recipe, &parts)?)?;
    fs::remove_dir_all(&parts).map_err(files(&parts))
}

/// The tree from packages. The pruning script is handed over as text, not as a file: an ordinary user's mmdebstrap runs it
/// under user ids that may not read his files.
fn bootstrap(recipe: &Recipe, to: &Path, zfs: Option<&Path>, mirror: Option<&str>) -> Cmd {
    let mut hooks = Vec::new();
    if let (Some(archive), Some(zfs)) = (zfs, &recipe.zfs) {
        // mmdebstrap takes such a hook apart as a shell does.
        hooks.push(format!("--customize-hook={}", Cmd::new("tar-in").arg(text(archive)).arg("/")));
        hooks.push(format!("--customize-hook={}", zfs.quiet));
    }
    let components = recipe.zfs.as_ref().map(|_| "--components=main,contrib");
    let without = ["man/*", "locale/*", "doc/*", "info/*"];
    Cmd::new("env")
        .arg(format!("HOMEHIVE_MODULES={}", recipe.modules.join(" ")))
        // Debian's kernel hook would build an initial RAM disk that nobody boots.
        .args(["INITRD=No", "LC_ALL=C.UTF-8", "mmdebstrap", "--quiet", "--variant=minbase"])
        .args(components)
        .arg(format!("--include={}", recipe.packages.join(",")))
        .args(without.map(|path| format!("--dpkgopt=path-exclude=/usr/share/{path}")))
        .arg("--aptopt=Acquire::Retries \"3\"")
        .args(hooks)
        .arg(format!("--customize-hook={}", recipe.prune))
        .arg(recipe.suite.as_str())
        .arg(text(to))
        .args(mirror)
}

/// lz4 costs disk space and spares an emulated guest the time to unpack.
fn squash(packages: &Path, to: &Path) -> Cmd {
    let script = "exec sqfstar -quiet -no-progress -comp lz4 \"$2\" <\"$1\"";
    Cmd::new("sh").args(["-c", script, "sqfstar"]).arg(text(packages)).arg(text(to))
}

fn extract(packages: &Path, to: &Path) -> Cmd {
    let wanted = ["./boot/vmlinuz-*", "./usr/lib/modules/*", "./usr/bin/busybox"];
    Cmd::new("tar")
        .arg("-xf")
        .arg(text(packages))
        .arg("-C")
        .arg(text(to))
        .args(["--no-same-owner", "--wildcards"])
        .args(wanted)
}

/// The kernel unpacked, or as it is if it cannot be: then a guest unpacks it itself, which takes it seconds.
async fn unpack_kernel(image: &Path, to: &Path, parts: &Path) -> Result<(), BuildError> {
    let bytes = read(image)?;
    let (program, suffix, payload) = match packed(&bytes) {
        Some(Packed::Xz(payload)) => ("xz", "xz", payload),
        Some(Packed::Gzip(payload)) => ("gzip", "gz", payload),
        Some(Packed::Zstd(payload)) => ("zstd", "zst", payload),
        None => return write(to, &bytes),
    };
    let (plain, pack) = (parts.join("vmlinux"), parts.join(format!("vmlinux.{suffix}")));
    write(&pack, payload)?;
    match run_local(&Cmd::new(program).args(["-d", "-k", "-q"]).arg(text(&pack)), PACKING).await {
        Ok(_) => fs::rename(&plain, to).map_err(files(&plain)),
        Err(RunError::Start { .. }) => write(to, &bytes),
        Err(error) => Err(error.into()),
    }
}

fn initrd(recipe: &Recipe, parts: &Path) -> Result<Vec<u8>, BuildError> {
    let modules = find(&parts.join("usr/lib/modules"), "")?;
    let table = read(&modules.join("modules.dep"))?;
    let early: Vec<_> = recipe.early_modules.iter().map(String::as_str).collect();
    let order = in_order(&String::from_utf8_lossy(&table), &early);
    let order = order.map_err(|name| BuildError::Lacking { what: format!("kernel module {name}") })?;
    let mut archive = Archive::new();
    for dir in ["bin", "dev", "modules"] {
        archive.directory(dir, 0o755);
    }
    // The first process has no output otherwise: devtmpfs comes later.
    archive.device("dev/console", 0o600, 5, 1);
    archive.file("bin/busybox", 0o755, &read(&parts.join("usr/bin/busybox"))?);
    let mut names = String::new();
    for path in &order {
        let name = path.rsplit('/').next().unwrap_or(path);
        archive.file(&format!("modules/{name}"), 0o644, &read(&modules.join(path))?);
        names.push_str(name);
        names.push('\n');
    }
    archive.file("modules/order", 0o644, names.as_bytes());
    Ok(archive.finish())
}

/// The one entry of `dir` that begins so.
fn find(dir: &Path, begin: &str) -> Result<PathBuf, BuildError> {
    let entries = fs::read_dir(dir).map_err(files(dir))?;
    let mut names: Vec<_> =
        entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(begin)).collect();
    names.sort_by_key(fs::DirEntry::file_name);
    let last = names.pop().ok_or_else(|| BuildError::Lacking { what: format!("{begin}* in {}", dir.display()) })?;
    Ok(last.path())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn files(path: &Path) -> impl Fn(io::Error) -> BuildError {
    |source| BuildError::Files { path: path.to_owned(), source }
}

fn create(path: &Path) -> Result<(), BuildError> {
    fs::create_dir(path).map_err(files(path))
}

fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(path).map_err(files(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    fs::write(path, bytes).map_err(files(path))
}

#[cfg(test)]
mod tests {
    use super::{bootstrap, squash};
    use crate::image::Recipe;
    use std::path::Path;

    fn short(mut recipe: Recipe) -> Recipe {
        recipe.modules.truncate(2);
        recipe.packages.truncate(3);
        recipe.prune = "rm -rf \"$1\"/boot/initrd*\n".into();
        recipe
    }

    #[test]
    fn commands() {
        let recipe = short(Recipe::installer());
        let (tar, out) = (Path::new("/cache/p.tar"), Path::new("/cache/i.squashfs"));
        let words = bootstrap(&recipe, tar, None, Some("http://mirror.example/debian"));
        insta::assert_snapshot!(format!("{words}\n{}", squash(tar, out)));
    }

    #[test]
    fn commands_with_zfs() {
        let mut recipe = short(Recipe::installer().with_zfs());
        recipe.zfs.as_mut().unwrap().quiet = "depmod\n".into();
        let words = bootstrap(&recipe, Path::new("/cache/p.tar"), Some(Path::new("/my cache/zfs-1.tar")), None);
        insta::assert_snapshot!(words.to_string());
    }
}
