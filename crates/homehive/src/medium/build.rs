//! Builds media by Nix from the rendered tree, and finds what was built. What they are made of is the tree's business.

use crate::building::percent;
use cmd::Cmd;
use machine::{RunError, run_local};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why there is no medium.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Nix is not there.
    #[error("nix is not on this machine: building a medium takes Nix with flakes, 2.18 or later")]
    NoNix,
    /// It failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What it built is something else than what was asked for.
    #[error("{} holds no {what}", path.display())]
    Lacking {
        /// Where.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Files {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A medium is some hundred packages to fetch and an hour's work for a slow machine to pack.
const BUILD: Duration = Duration::from_hours(4);

/// The installer for kexec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kexec {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initial RAM disk, with the whole system in it.
    pub initrd: PathBuf,
    /// What the kernel is told.
    pub command_line: String,
}

/// Builds `attribute` of the flake in `dir`: where it lies in the store.
pub async fn build(dir: &Path, attribute: &str) -> Result<PathBuf, BuildError> {
    let installable = format!("path:{}#{attribute}", percent(&absolute(dir).display().to_string()));
    let nix = Cmd::new("nix")
        .args(["--extra-experimental-features", "nix-command flakes", "build", "--no-link", "--print-out-paths"])
        .arg(installable);
    let said = run_local(&nix, BUILD).await.map_err(|error| match error {
        RunError::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => BuildError::NoNix,
        error => error.into(),
    })?;
    let lacking = || BuildError::Lacking { path: dir.to_owned(), what: "output of nix build" };
    said.stdout.lines().next().map(PathBuf::from).ok_or_else(lacking)
}

/// The image in what was built.
pub fn iso(built: &Path) -> Result<PathBuf, BuildError> {
    let dir = built.join("iso");
    let entries = fs::read_dir(&dir).map_err(|source| BuildError::Files { path: dir.clone(), source })?;
    let is_iso = |path: &PathBuf| path.extension().is_some_and(|it| it == "iso");
    entries.flatten().map(|entry| entry.path()).find(is_iso).ok_or(BuildError::Lacking { path: dir, what: "*.iso" })
}

/// The installer for kexec in what was built.
pub fn kexec(built: &Path) -> Result<Kexec, BuildError> {
    let script = built.join("kexec-boot");
    let text = fs::read_to_string(&script).map_err(|source| BuildError::Files { path: script.clone(), source })?;
    let lacking = BuildError::Lacking { path: script, what: "command line for the kernel" };
    let command_line = command_line(&text).ok_or(lacking)?;
    Ok(Kexec { kernel: built.join("bzImage"), initrd: built.join("initrd.gz"), command_line })
}

/// What nixpkgs' `kexec-boot` tells the kernel (nixos/modules/installer/netboot/netboot.nix).
fn command_line(script: &str) -> Option<String> {
    let (_, rest) = script.split_once("--command-line \"")?;
    let (line, _) = rest.split_once('"')?;
    line.starts_with("init=/nix/store/").then(|| line.trim_end().to_owned())
}

fn absolute(dir: &Path) -> PathBuf {
    fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{BuildError, command_line, iso, kexec};
    use std::fs;

    const SCRIPT: &str = "#!/usr/bin/env bash\nSCRIPT_DIR=$( cd -- here )\nkexec --load ${SCRIPT_DIR}/bzImage \\\n  \
                          --initrd=${SCRIPT_DIR}/initrd.gz \\\n  --command-line \"init=/nix/store/abc-nixos/init \
                          nohibernate loglevel=4\"\nkexec -e\n";

    #[test]
    fn what_the_kernel_is_told() {
        assert_eq!(command_line(SCRIPT).as_deref(), Some("init=/nix/store/abc-nixos/init nohibernate loglevel=4"));
        for odd in ["", "kexec -e", "--command-line \"quiet\"", "--command-line \"init=/nix/store/abc"] {
            assert_eq!(command_line(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_was_built_is_found_or_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(iso(dir.path()), Err(BuildError::Files { .. })));
        fs::create_dir(dir.path().join("iso")).unwrap();
        assert!(matches!(iso(dir.path()), Err(BuildError::Lacking { what: "*.iso", .. })));
        fs::write(dir.path().join("iso/nixos.iso"), "").unwrap();
        assert_eq!(iso(dir.path()).unwrap(), dir.path().join("iso/nixos.iso"));
        fs::write(dir.path().join("kexec-boot"), SCRIPT).unwrap();
        assert_eq!(kexec(dir.path()).unwrap().initrd, dir.path().join("initrd.gz"));
    }
}
