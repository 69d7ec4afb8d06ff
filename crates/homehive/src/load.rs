//! The fleet file: found, read, checked.

mod evaluated;

use crate::args::Global;
use crate::failure::Failure;
use crate::labs;
use crate::verbs::CheckAnswer;
use document::Problems;
use fleet::{Fleet, Format, HostName};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A fleet file that nothing is wrong with.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The fleet.
    pub fleet: Fleet,
    /// Where the file lies.
    pub path: PathBuf,
    /// What is wrong on purpose with the stand-ins that are made of it, in a lab.
    pub variant: payload::Variant,
}

/// Why there is no fleet.
#[derive(Debug)]
pub enum Unloaded {
    /// The file cannot be read.
    Unreadable(Failure),
    /// It is wrong; everything that is.
    Wrong(Box<fleet::Report>),
}

/// Writes the fleet file anew, whole or not at all; its permissions stay, and its owner where that may be. A link leads to the
/// same file as before.
///
/// # Errors
/// The folder or the file cannot be written.
pub fn rewrite(path: &Path, text: &str) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    let dir = path.parent().unwrap_or(Path::new("/"));
    let before = std::fs::metadata(&path)?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    // Root alone may give a file away.
    let _ = std::os::unix::fs::fchown(file.as_file(), Some(before.uid()), Some(before.gid()));
    file.as_file().set_permissions(before.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    std::fs::File::open(dir)?.sync_all()
}

impl Loaded {
    /// Reads and checks the file.
    pub fn read(path: &Path) -> Result<Self, Unloaded> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let help = "name it with --fleet FILE, or begin with `homehive init nas`";
            Unloaded::Unreadable(Failure::usage(format!("cannot read {}: {error}", path.display()), help))
        })?;
        let name = path.display().to_string();
        let fleet = if evaluated::is_nix(path) {
            evaluated::read(path, &text)?
        } else {
            Fleet::parse(&text, &name, Format::of(&name)).map_err(Unloaded::Wrong)?
        };
        Ok(Self { fleet, path: path.to_owned(), variant: payload::Variant::Plain })
    }

    /// Reads and checks the file for a verb that needs a right one; with `--lab`, that of the fleet's lab.
    pub fn for_verb(global: &Global) -> Result<Self, Failure> {
        let declared = Self::declared(global)?;
        let variant = global.stand_in_variant.into();
        if !global.in_lab {
            if variant == payload::Variant::Plain {
                return Ok(declared);
            }
            return Err(Failure::usage("failures are rehearsed in the lab", "write --lab with --stand-in-variant"));
        }
        Ok(Self { variant, ..labs::open_fleet(&labs::place(&declared)?)? })
    }

    /// Reads and checks the fleet file itself, whether `--lab` is given or not.
    pub fn declared(global: &Global) -> Result<Self, Failure> {
        match Self::read(&global.fleet) {
            Ok(loaded) => Ok(loaded),
            Err(Unloaded::Unreadable(failure)) => Err(failure),
            Err(Unloaded::Wrong(report)) => {
                tell(&report, global);
                Err(Failure::Wanting)
            }
        }
    }

    /// Problems that were found beside the file, as a report on it.
    pub fn report(&self, problems: Problems) -> Result<fleet::Report, Failure> {
        let text = std::fs::read_to_string(&self.path).map_err(|error| {
            Failure::usage(format!("cannot read {}: {error}", self.path.display()), "name it with --fleet FILE")
        })?;
        let name = self.path.display().to_string();
        let root = if evaluated::is_nix(&self.path) {
            evaluated::root(&self.path, &text)?
        } else {
            document::read(&text, Format::of(&name), &mut Problems::default())
        };
        Ok(problems.into_report(&name, &text, &root))
    }

    /// The directory of the fleet file, where its secrets and journals are kept.
    pub fn dir(&self) -> PathBuf {
        match self.path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
            _ => PathBuf::from("."),
        }
    }

    /// The name of a machine that the fleet has.
    pub fn machine(&self, name: &str) -> Result<HostName, Failure> {
        let known = self.fleet.machines.keys();
        if let Some(found) = known.clone().find(|machine| machine.to_string() == name) {
            return Ok(found.clone());
        }
        let known = known.map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(Failure::usage(format!("the fleet has no machine `{name}`"), format!("its machines: {known}")))
    }
}

/// Shows a report on standard error, or as JSON on standard output.
pub fn tell(report: &fleet::Report, global: &Global) {
    if global.json {
        crate::answer::json("check", &CheckAnswer { good: false, problems: report.findings() });
        return;
    }
    let mut text = String::new();
    let drawn = if global.plain {
        let theme = miette::GraphicalTheme::unicode_nocolor();
        miette::GraphicalReportHandler::new_themed(theme).with_links(false).render_report(&mut text, report)
    } else {
        miette::GraphicalReportHandler::new().with_links(false).render_report(&mut text, report)
    };
    if drawn.is_ok() {
        crate::answer::aside(text.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::rewrite;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_link_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("repository.toml"), dir.path().join("fleet.toml"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        symlink("repository.toml", &link).unwrap();
        rewrite(&link, "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
