//! Building a system closure with Nix: what goes in is laid out in a folder of its own, what comes out is read back.

use crate::closure::{Closure, NotAStorePath, StorePath};
use crate::render;
use crate::system::{System, Unfit};
use cmd::Cmd;
use machine::{RunError, run_local};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The static busybox inside the package tree, without the tar's leading `./`.
const BUSYBOX: &str = "usr/bin/busybox";

/// A build takes 12 s on two cores, most of it reading the packages; a slow disk may take long.
const BUILD: Duration = Duration::from_mins(15);
const ASK: Duration = Duration::from_mins(2);

/// The scripts and expressions of the stand-in, by path: compiled in, so that the binary needs nothing beside it.
pub(crate) const SCRIPTS: &[(&str, &str)] = &[
    ("default.nix", include_str!("../stand-in/default.nix")),
    ("build/base.sh", include_str!("../stand-in/build/base.sh")),
    ("build/initrd-modules.txt", include_str!("../stand-in/build/initrd-modules.txt")),
    ("build/initrd.sh", include_str!("../stand-in/build/initrd.sh")),
    ("build/modules.txt", include_str!("../stand-in/build/modules.txt")),
    ("build/programs.txt", include_str!("../stand-in/build/programs.txt")),
    ("build/scripts.sh", include_str!("../stand-in/build/scripts.sh")),
    ("build/system.sh", include_str!("../stand-in/build/system.sh")),
    ("build/tools.sh", include_str!("../stand-in/build/tools.sh")),
    ("run/64-md-raid-remove.rules", include_str!("../stand-in/run/64-md-raid-remove.rules")),
    ("run/activate.sh", include_str!("../stand-in/run/activate.sh")),
    ("run/assemble.sh", include_str!("../stand-in/run/assemble.sh")),
    ("run/announce.sh", include_str!("../stand-in/run/announce.sh")),
    ("run/boot-trial.sh", machine::deploy::BOOT_TRIAL),
    ("run/debug-shell.sh", include_str!("../stand-in/run/debug-shell.sh")),
    ("run/demo.sh", include_str!("../stand-in/run/demo.sh")),
    ("run/devices.sh", include_str!("../stand-in/run/devices.sh")),
    ("run/init.sh", include_str!("../stand-in/run/init.sh")),
    ("run/initrd.sh", include_str!("../stand-in/run/initrd.sh")),
    ("run/network.sh", include_str!("../stand-in/run/network.sh")),
    ("run/power-button.sh", include_str!("../stand-in/run/power-button.sh")),
    ("run/power.sh", include_str!("../stand-in/run/power.sh")),
    ("run/shutdown.sh", include_str!("../stand-in/run/shutdown.sh")),
    ("run/storage.sh", include_str!("../stand-in/run/storage.sh")),
    ("run/switch-to-configuration.sh", include_str!("../stand-in/run/switch-to-configuration.sh")),
];

/// Where things lie while a closure is built.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// The package tree the stand-in is made of: a tar of a Debian root (amd64), compressed or not.
    pub packages: PathBuf,
    /// A folder of the caller's for what Nix is given and for the root that keeps the result from Nix's garbage
    /// collector (`<hostname>-system`). It is made if it is missing.
    pub dir: PathBuf,
}

/// What a build tells while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The packages are read to know their digest.
    Reading,
    /// Nix builds, or finds that nothing changed.
    Building,
    /// The closure is there.
    Built(Closure),
}

/// Why there is no closure.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Nix is not on this machine.
    #[error("nix-build is not on this machine; install Nix (on Debian: apt install nix-bin)")]
    NoNix,
    /// The machine's data makes no system.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The tar is not what the stand-in can be made of.
    #[error("the package tree {path} {why}", path = path.display())]
    Packages {
        /// The tar.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file could not be laid out.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A command failed; Nix's own words are in it.
    #[error("the system closure was not built: {0}")]
    Run(#[from] RunError),
    /// Nix printed something else than was asked for.
    #[error("nix-build answered strangely: {0}")]
    Answer(#[from] NotAStorePath),
}

/// Builds the closure of `system`. The same system and packages give the same store path, on any machine.
///
/// Works as root without a Nix daemon, and as any user with one. Needs no network.
pub async fn build(
    system: &System,
    workshop: &Workshop,
    mut progress: impl FnMut(Event) + Send,
) -> Result<Closure, BuildError> {
    system.check()?;
    progress(Event::Reading);
    let sha256 = digest(&workshop.packages).await?;
    let given = tempfile::tempdir_in(make(&workshop.dir)?)
        .map_err(|source| BuildError::Write { path: workshop.dir.clone(), source })?;
    lay_out(given.path(), system)?;
    seed(&workshop.packages, &given.path().join("seed")).await?;
    progress(Event::Building);
    let root = absolute(&workshop.dir)?.join(format!("{}-system", system.hostname));
    let path = nix_build(&absolute(given.path())?, &absolute(&workshop.packages)?, &sha256, &root).await?;
    let ask = |what: &str| Cmd::new("nix-store").args(["--query", what]);
    let requisites = run_local(&nix(ask("--requisites").arg(path.as_str())), ASK).await?.stdout;
    let sizes = run_local(&nix(ask("--size").args(requisites.lines())), ASK).await?.stdout;
    let closure = Closure::read(path, &requisites, &sizes)?;
    progress(Event::Built(closure.clone()));
    Ok(closure)
}

/// Nix in the folder that holds everything, rooted at `root`; the store path it prints.
async fn nix_build(given: &Path, packages: &Path, sha256: &str, root: &Path) -> Result<StorePath, BuildError> {
    let given = |name: &str| given.join(name).display().to_string();
    let mut build = Cmd::new("nix-build").args(["--out-link".into(), root.display().to_string()]);
    for (name, value) in [
        ("packages", packages.display().to_string()),
        ("sha256", sha256.to_owned()),
        ("seed", given("seed")),
        ("machine", given("machine")),
        ("scripts", given("scripts")),
    ] {
        build = build.args(["--argstr".into(), name.into(), value]);
    }
    let build = build.arg(given("scripts/default.nix"));
    let printed = match run_local(&nix(build), BUILD).await {
        Err(RunError::Start { source, .. }) if source.kind() == io::ErrorKind::NotFound => Err(BuildError::NoNix),
        other => Ok(other?.stdout),
    }?;
    Ok(StorePath::parse(printed.trim())?)
}

/// A Nix command as this machine must be asked: without a daemon, root builds by itself, in no sandbox and as no other
/// user. (An empty `build-hook` breaks Nix 2.8, so that is left alone.)
fn nix(command: Cmd) -> Cmd {
    if Path::new("/nix/var/nix/daemon-socket/socket").exists() {
        return command;
    }
    command.args(["--option", "sandbox", "false", "--option", "substituters", "", "--option", "build-users-group", ""])
}

/// SHA-256 of the packages in hexadecimal; the tool reads a gigabyte in two seconds.
async fn digest(packages: &Path) -> Result<String, BuildError> {
    let bad = |why| BuildError::Packages { path: packages.to_owned(), why };
    if !packages.is_file() {
        return Err(bad("is not there"));
    }
    let printed = run_local(&Cmd::new("sha256sum").arg("--").arg(packages.display().to_string()), ASK).await?.stdout;
    // A name with a backslash or line break makes sha256sum start the line with a backslash.
    let digest: String = printed.trim_start_matches('\\').chars().take_while(char::is_ascii_hexdigit).collect();
    if digest.len() == 64 { Ok(digest) } else { Err(bad("has no digest that sha256sum could tell")) }
}

/// The builder of all: the packages' own static busybox.
async fn seed(packages: &Path, dir: &Path) -> Result<(), BuildError> {
    use std::os::unix::fs::PermissionsExt as _;
    make(dir)?;
    let (tar, to) = (packages.display().to_string(), dir.display().to_string());
    let words = ["--strip-components=3", "--no-same-owner", "--occurrence=1"];
    let extract = |member: String| {
        Cmd::new("tar").args(["--extract", "--file", &tar, "--directory", &to]).args(words).arg(member)
    };
    let dotted = extract(format!("./{BUSYBOX}"));
    if run_local(&dotted, ASK).await.is_err() {
        run_local(&extract(BUSYBOX.to_owned()), ASK).await.map_err(|_| BuildError::Packages {
            path: packages.to_owned(),
            why: "holds no usr/bin/busybox (package busybox-static)",
        })?;
    }
    let path = dir.join("busybox");
    let mode = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(&path, mode).map_err(|source| BuildError::Write { path, source })
}

/// Scripts and the machine's files, as Nix will take them.
fn lay_out(dir: &Path, system: &System) -> Result<(), BuildError> {
    for (path, text) in SCRIPTS {
        write(&dir.join("scripts").join(path), text)?;
    }
    for file in render::files(system) {
        write(&dir.join("machine").join(&file.path), &file.text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    if let Some(parent) = path.parent() {
        make(parent)?;
    }
    std::fs::write(path, text).map_err(|source| BuildError::Write { path: path.to_owned(), source })
}

fn make(dir: &Path) -> Result<&Path, BuildError> {
    std::fs::create_dir_all(dir).map_err(|source| BuildError::Write { path: dir.to_owned(), source })?;
    Ok(dir)
}

fn absolute(path: &Path) -> Result<PathBuf, BuildError> {
    std::path::absolute(path).map_err(|source| BuildError::Write { path: path.to_owned(), source })
}
