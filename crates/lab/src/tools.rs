//! Which programs of this host the lab needs, and in which packages they are found.

use std::path::{Path, PathBuf};

/// Programs that are not on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lab needs {}, which this machine lacks: install {}", .programs.join(", "), .packages.join(" "))]
pub struct MissingTools {
    /// The programs.
    pub programs: Vec<String>,
    /// The packages that bring them, by their Debian and Ubuntu names.
    pub packages: Vec<String>,
}

const RUN: &[(&str, &str)] =
    &[("qemu-system-x86_64", "qemu-system-x86"), ("setsid", "util-linux"), ("cp", "coreutils")];
const BUILD: &[(&str, &str)] =
    &[("mmdebstrap", "mmdebstrap"), ("sqfstar", "squashfs-tools"), ("tar", "tar"), ("xz", "xz-utils")];

/// Checks that guests can run here and, if `need` says that no image is cached yet, that one can be built.
pub fn require(need: Need) -> Result<(), MissingTools> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // An ordinary user's PATH may lack the administrator's programs.
    places.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let wanted: Vec<_> = match need {
        Need::Run => RUN.iter().collect(),
        Need::BuildAndRun => BUILD.iter().chain(RUN).collect(),
    };
    missing(&wanted, |program| places.iter().any(|place| is_program(&place.join(program))))
}

/// What the lab is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Guests are to run from a cached image.
    Run,
    /// The image is to be built first.
    BuildAndRun,
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn missing(wanted: &[&(&str, &str)], there: impl Fn(&str) -> bool) -> Result<(), MissingTools> {
    let gone: Vec<_> = wanted.iter().filter(|(program, _)| !there(program)).collect();
    if gone.is_empty() {
        return Ok(());
    }
    Err(MissingTools {
        programs: gone.iter().map(|(program, _)| (*program).to_owned()).collect(),
        packages: gone.iter().map(|(_, package)| (*package).to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{BUILD, RUN, missing};

    #[test]
    fn names_programs_and_packages() {
        let all: Vec<_> = BUILD.iter().chain(RUN).collect();
        assert_eq!(missing(&all, |_| true), Ok(()));
        let error = missing(&all, |program| !program.contains("qemu") && program != "sqfstar").unwrap_err().to_string();
        assert_eq!(
            error,
            "the lab needs sqfstar, qemu-system-x86_64, which this machine lacks: install squashfs-tools qemu-system-x86"
        );
    }
}
