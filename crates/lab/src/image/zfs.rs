//! ZFS' kernel module for the guest, built once for each kernel and each version of ZFS. What else an image is made of is
//! the builder's business.

use super::recipe::{Recipe, Zfs, key};
use crate::event::{Event, Observer};
use cmd::Cmd;
use machine::{RunError, run_local};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why there is no ZFS for the guest.
#[derive(Debug, thiserror::Error)]
pub enum ZfsError {
    /// The mirror does not have what the module is built from.
    #[error(
        "a fleet with a zpool needs ZFS in the guest, and its module cannot be built: {mirror} offers no {lacking}\n  \
         take a mirror of Debian that has it, or leave the zpool out of the fleet for the lab"
    )]
    Lacking {
        /// What was asked.
        mirror: String,
        /// The packages, and where they should be.
        lacking: String,
    },
    /// The mirror could not be asked.
    #[error("a fleet with a zpool needs ZFS in the guest, and what Debian has of it cannot be asked: {0}")]
    Ask(RunError),
    /// The compiler ended badly.
    #[error(
        "a fleet with a zpool needs ZFS in the guest, and ZFS {zfs} cannot be built for the kernel {release}: {source}\n  \
         if the kernel is too new for it, wait for the next version in Debian, or leave the zpool out of the fleet for the lab"
    )]
    Build {
        /// ZFS' version.
        zfs: String,
        /// The kernel's release.
        release: String,
        /// What the builder says.
        source: RunError,
    },
    /// The module cannot be kept.
    #[error("{}: {source}", path.display())]
    Files {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Resolving dependencies without installing anything.
const ASKING: Duration = Duration::from_mins(10);
/// Some four hundred files for the compiler, four times what two busy cores take.
pub(super) const MODULE: Duration = Duration::from_mins(90);

/// What the mirror would install.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Offer {
    /// What `uname -r` says of the kernel.
    release: String,
    /// The version of its package: a rebuilt kernel of the same release may want other modules.
    kernel: String,
    /// The version of ZFS' package.
    zfs: String,
}

/// The module as an archive of files of the root, from the cache in `root` or built there.
pub(super) async fn module(
    recipe: &Recipe,
    zfs: &Zfs,
    root: &Path,
    mirror: Option<&str>,
    observer: Observer<'_>,
) -> Result<PathBuf, ZfsError> {
    observer(Event::ImageStep { what: "asks the mirror for its kernel and its ZFS" });
    let offer = ask(recipe, mirror).await?;
    let name = key(&[&recipe.suite, &offer.release, &offer.kernel, &offer.zfs, &zfs.module]);
    let place = root.join(format!("zfs-{name}.tar"));
    if place.is_file() {
        return Ok(place);
    }
    observer(Event::ImageStep { what: "builds ZFS' kernel module, which takes several minutes, once" });
    let unfinished = root.join(format!("zfs-{name}.{}.unfinished", std::process::id()));
    let built = run_local(&compile(recipe, zfs, &offer, &unfinished, mirror), MODULE).await;
    let kept = match built {
        Ok(_) => fs::rename(&unfinished, &place).map_err(|source| ZfsError::Files { path: unfinished.clone(), source }),
        Err(source) => Err(ZfsError::Build { zfs: offer.zfs, release: offer.release, source }),
    };
    if kept.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&unfinished);
    }
    kept.map(|()| place)
}

async fn ask(recipe: &Recipe, mirror: Option<&str>) -> Result<Offer, ZfsError> {
    let lacking = |lacking| ZfsError::Lacking { mirror: mirror.unwrap_or("the default mirror").to_owned(), lacking };
    match run_local(&simulate(recipe, mirror), ASKING).await {
        // apt-get(8): a simulation tells what it would do, which mmdebstrap passes on among its own words.
        Ok(output) => offer(&output.stderr).map_err(lacking),
        Err(RunError::Failed { stderr, .. }) if unknown(&stderr).is_some() => {
            Err(lacking(unknown(&stderr).unwrap_or_default()))
        }
        Err(error) => Err(ZfsError::Ask(error)),
    }
}

/// What is asked for: the kernel that the image gets, its headers, ZFS.
const ASKED: &str = "linux-image-amd64,linux-headers-amd64,zfs-dkms,zfsutils-linux";

fn simulate(recipe: &Recipe, mirror: Option<&str>) -> Cmd {
    Cmd::new("env")
        .args(["LC_ALL=C.UTF-8", "mmdebstrap", "--simulate", "--verbose", "--variant=minbase"])
        .args(["--components=main,contrib".to_owned(), format!("--include={ASKED}")])
        .arg("--aptopt=Acquire::Retries \"3\"")
        .args([recipe.suite.as_str(), "/dev/null"])
        .args(mirror)
}

/// The packages are those of the module alone: the archive is all that comes out of this tree.
fn compile(recipe: &Recipe, zfs: &Zfs, offer: &Offer, to: &Path, mirror: Option<&str>) -> Cmd {
    let without = ["man/*", "locale/*", "doc/*", "info/*"];
    Cmd::new("env")
        .arg(format!("HOMEHIVE_KERNEL={}", offer.release))
        .args(["LC_ALL=C.UTF-8", "mmdebstrap", "--quiet", "--variant=minbase", "--components=main,contrib"])
        .arg(format!("--include=gcc,libc6-dev,make,linux-headers-{}", offer.release))
        .args(without.map(|path| format!("--dpkgopt=path-exclude=/usr/share/{path}")))
        .arg("--aptopt=Acquire::Retries \"3\"")
        .arg(format!("--customize-hook={}", zfs.module))
        // mmdebstrap takes such a hook apart as a shell does.
        .arg(format!("--customize-hook={}", Cmd::new("download").arg("/zfs.tar").arg(to.display().to_string())))
        .args([recipe.suite.as_str(), "/dev/null"])
        .args(mirror)
}

/// What a simulation (`Inst NAME (VERSION ORIGIN)`) would install of what was asked; else what is not among it.
fn offer(told: &str) -> Result<Offer, String> {
    let rows: Vec<(&str, &str)> = told
        .lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split_once(" ("))
        .filter_map(|(name, rest)| Some((name.split(' ').next()?, rest.split([' ', ')']).next()?)))
        .collect();
    let version = |wanted: &str| rows.iter().find(|(name, _)| *name == wanted).map(|(_, version)| *version);
    let image = rows.iter().find_map(|(name, version)| {
        let release = name.strip_prefix("linux-image-")?;
        release.starts_with(|first: char| first.is_ascii_digit()).then_some((release, *version))
    });
    let (release, kernel) = image.ok_or("linux-image-amd64")?;
    // The unsigned headers and the signed kernel are uploaded apart, and for some days one of them may be older.
    let headers = format!("linux-headers-{release}");
    version(&headers).ok_or_else(|| format!("{headers} (the headers of its own kernel)"))?;
    let zfs = version("zfs-dkms").ok_or("zfs-dkms (in Debian's section contrib)")?;
    Ok(Offer { release: release.to_owned(), kernel: kernel.to_owned(), zfs: zfs.to_owned() })
}

/// The packages that apt does not know, if that is why it gave up.
fn unknown(stderr: &str) -> Option<String> {
    let names: Vec<_> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("E: Unable to locate package "))
        .map(|name| match name.trim() {
            zfs @ ("zfs-dkms" | "zfsutils-linux") => format!("{zfs} (in Debian's section contrib)"),
            other => other.to_owned(),
        })
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{Offer, compile, offer, simulate, unknown};
    use crate::image::Recipe;
    use std::path::Path;

    const TOLD: &str = include_str!("zfs.simulated");

    #[test]
    fn what_the_mirror_offers() {
        let all =
            Offer { release: "6.1.0-56-amd64".into(), kernel: "6.1.192-2".into(), zfs: "2.1.11-1+deb12u1".into() };
        assert_eq!(offer(TOLD), Ok(all));
        let rows: [(&str, &str); 3] = [
            ("Inst linux-image-6", "linux-image-amd64"),
            ("Inst linux-headers-6.1.0-56-amd64", "linux-headers-6.1.0-56-amd64 (the headers of its own kernel)"),
            ("Inst zfs-dkms", "zfs-dkms (in Debian's section contrib)"),
        ];
        for (gone, lacking) in rows {
            let kept: Vec<_> = TOLD.lines().filter(|line| !line.contains(gone)).collect();
            assert_eq!(offer(&kept.join("\n")), Err(lacking.to_owned()), "{gone}");
        }
    }

    #[test]
    fn what_apt_does_not_know() {
        let said = "Building dependency tree...\nE: Unable to locate package zfs-dkms\nE: setup failed: E: apt-get --yes failed\n";
        assert_eq!(unknown(said).as_deref(), Some("zfs-dkms (in Debian's section contrib)"));
        assert_eq!(unknown("E: Failed to fetch http://deb.debian.org/…\n"), None, "a network that is down is no lack");
    }

    #[test]
    fn commands() {
        let mut recipe = Recipe::installer().with_zfs();
        let mut zfs = recipe.zfs.take().unwrap();
        zfs.module = "make\n".into();
        let (offer, to) = (offer(TOLD).unwrap(), Path::new("/my cache/zfs-1.tar"));
        let asked = simulate(&recipe, None);
        let built = compile(&recipe, &zfs, &offer, to, Some("http://mirror.example/debian"));
        insta::assert_snapshot!(format!("{asked}\n{built}"));
    }
}
