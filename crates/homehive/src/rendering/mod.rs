//! The rendered tree on disk: what is to be written, what was edited by hand and is left alone, and the record of what
//! homehive wrote. What the files hold is the crate `nixos`'.

mod compare;
mod ground;
mod objects;
mod record;
mod secrets;
mod upstream;

pub use compare::{Change, What};
pub use ground::ground;
pub use objects::{breaches, manifests, told};

use crate::failure::Failure;
use crate::hostkeys::{HostKeys, INSTALLER};
use crate::load::Loaded;
use compare::compare;
use fleet::HostName;
use nixos::{File, Records};
use record::Record;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A tree that is decided upon: what differs from what is on disk. Nothing has been written.
#[derive(Debug)]
pub struct Rendering {
    dir: PathBuf,
    files: Vec<File>,
    record: Record,
    /// What differs, by path.
    pub changes: Vec<Change>,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that were made or changed.
    pub files: Vec<String>,
    /// Files that no machine needs any more, and are gone.
    pub removed: Vec<String>,
    /// Files that were right already.
    pub unchanged: usize,
}

/// Where the tree of a fleet lies: beside its file, or where `out` says.
pub fn place(loaded: &Loaded, out: Option<&Path>) -> PathBuf {
    out.map_or_else(|| loaded.dir(), Path::to_owned)
}

/// Makes the host keys and secrets that the tree refers to, as far as they are missing; tells which.
///
/// # Errors
/// No key of the admin can protect a secret, or a file cannot be written.
pub fn make_secrets(loaded: &Loaded, dir: &Path) -> Result<Vec<String>, Failure> {
    secrets::make(loaded, dir)
}

/// Renders the fleet and compares it with what is in `dir`; `overwrite` names edited files that may go.
///
/// # Errors
/// The fleet cannot be rendered, or a file cannot be read. Edited files are no error yet: see [`Rendering::write`].
pub fn decide(loaded: &Loaded, dir: &Path, overwrite: &[String]) -> Result<Rendering, Failure> {
    modules_are_there(loaded, dir)?;
    let breaches = breaches(loaded, dir);
    if !breaches.is_empty() {
        let lines = breaches.iter().map(told).map(|it| format!("{}\n  {}\n", it.message, it.help));
        return Err(Failure::Refused(format!("{}nothing was done", lines.collect::<String>())));
    }
    let objects = objects::files(loaded)?;
    let mut records = records(loaded, dir);
    let name = |file: &File| file.path.rsplit('/').next().unwrap_or_default().to_owned();
    records.manifests = objects.iter().map(name).collect();
    let mut files = nixos::render(&loaded.fleet, &records).map_err(|error| match error {
        nixos::RenderError::Format(_) => Failure::Bug(error.to_string()),
        _ => Failure::usage(format!("{}: {error}", loaded.path.display()), "change the fleet file, then render again"),
    })?;
    files.extend(objects);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if !same_place(dir, &loaded.dir()) {
        files.push(nixos::readme(&loaded.fleet));
        files.sort_by(|a, b| a.path.cmp(&b.path));
    }
    let record = Record::read(dir)?;
    let there = |path: &str| match fs::read(dir.join(path)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Failed(format!("cannot read {}: {error}", dir.join(path).display()))),
    };
    let known: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).chain(record.paths()).collect();
    if let Some(stray) = overwrite.iter().find(|path| !known.contains(path.as_str())) {
        let help = "name a file as it stands in the tree: --overwrite hosts/nas/services.nix";
        return Err(Failure::usage(format!("`{stray}` is no file of the rendered tree"), help));
    }
    let changes = compare(&files, &record, overwrite, there)?;
    Ok(Rendering { dir: dir.to_owned(), files, record, changes })
}

/// Brings the tree beside the fleet file up to date, for who builds from it: where it lies. What was edited by hand is
/// respected, and refused.
pub fn bring(loaded: &Loaded, again: &str) -> Result<PathBuf, Failure> {
    let dir = ground(loaded)?;
    decide(loaded, &dir, &[])?.respect_edits(again)?;
    make_secrets(loaded, &dir)?;
    decide(loaded, &dir, &[])?.write(again)?;
    Ok(dir)
}

/// What is known beside the fleet, as far as it lies on disk.
fn records(loaded: &Loaded, dir: &Path) -> Records {
    let keys = HostKeys::of(&loaded.dir());
    let mut records = Records { installer_key: keys.public(INSTALLER).map(|key| bare(&key)), ..Records::default() };
    for name in loaded.fleet.machines.keys() {
        if let Some(key) = keys.public(name.as_ref()) {
            records.host_keys.insert(name.clone(), bare(&key));
        }
        if let Some(release) = state_version(&[dir, &loaded.dir()], name) {
            records.state_versions.insert(name.clone(), release);
        }
    }
    let dir = fs::read_dir(dir.join("secrets")).into_iter().flatten().flatten();
    let names = dir.filter_map(|entry| entry.file_name().into_string().ok());
    records.secrets = names.filter(|name| Path::new(name).extension().is_some_and(|it| it == "age")).collect();
    records
}

/// Type and data, without the comment.
fn bare(key: &str) -> String {
    key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// What was recorded when the machine was first installed.
fn state_version(dirs: &[&Path], name: &HostName) -> Option<String> {
    let file = format!("hosts/{name}/state-version");
    let text = dirs.iter().find_map(|dir| fs::read_to_string(dir.join(&file)).ok())?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A flake reaches nothing outside its directory, so the user's modules must lie in it.
fn modules_are_there(loaded: &Loaded, dir: &Path) -> Result<(), Failure> {
    let fleet = &loaded.fleet;
    let ours = fleet.machines.values().filter(|machine| machine.configuration.is_none());
    let modules = fleet.about.modules.iter().chain(ours.flat_map(|machine| &machine.modules));
    let mut missing: Vec<String> = modules.map(ToString::to_string).filter(|path| !dir.join(path).exists()).collect();
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let help = "write them, or correct `modules` in the fleet file; with --out DIR they must lie in DIR, because a flake \
                reaches nothing outside of its directory";
    Err(Failure::usage(format!("modules of yours are not in {}: {}", dir.display(), missing.join(", ")), help))
}

fn same_place(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

impl Rendering {
    /// How many files are on disk as they are rendered.
    pub fn unchanged(&self) -> usize {
        let differ = self.changes.iter().filter(|change| self.files.iter().any(|file| file.path == change.path));
        self.files.len() - differ.count()
    }

    /// Refuses if a file was edited by hand and not named. `again` is the command that renders.
    ///
    /// # Errors
    /// Names the files, with their edits and the words that give these up.
    pub fn respect_edits(&self, again: &str) -> Result<(), Failure> {
        let edited: Vec<&Change> = self.changes.iter().filter(|change| change.what == What::Edited).collect();
        if edited.is_empty() {
            return Ok(());
        }
        let mut text = format!("edited by hand, and not overwritten: nothing was written to {}\n", self.dir.display());
        text.extend(edited.iter().map(|change| change.diff.as_str()));
        let words = edited.iter().map(|change| format!(" --overwrite {}", cmd::quote(&change.path)));
        let words: String = words.collect();
        text.push_str(
            "  to keep a change, put it into a NixOS module of your own, and name that in the fleet's `modules`\n",
        );
        text.extend(["  to give it up: ", again, &words]);
        Err(Failure::Refused(text))
    }

    /// Writes what differs, and removes what is no longer rendered.
    ///
    /// # Errors
    /// As [`Rendering::respect_edits`], and then nothing is written. Or a file cannot be written.
    pub fn write(self, again: &str) -> Result<Written, Failure> {
        self.respect_edits(again)?;
        let mut written = Written::default();
        // Whoever is cut in between finds both the old and the new state in the record.
        if !self.changes.is_empty() {
            self.record.pending(&self.files).save(&self.dir)?;
        }
        let rendered: BTreeMap<&str, &File> = self.files.iter().map(|file| (file.path.as_str(), file)).collect();
        for change in &self.changes {
            let path = self.dir.join(&change.path);
            if let Some(file) = rendered.get(change.path.as_str()) {
                save(&path, file.text.as_bytes())?;
                written.files.push(change.path.clone());
                continue;
            }
            fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error))?;
            // The folder of a machine that is gone; one that holds anything else stays.
            if let Some(folder) = path.parent().filter(|folder| *folder != self.dir) {
                let _ = fs::remove_dir(folder);
            }
            written.removed.push(change.path.clone());
        }
        Record::of(&self.files).save(&self.dir)?;
        written.unchanged = self.files.len() - written.files.len();
        Ok(written)
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot {what} {}: {error}", path.display()))
}

/// The whole file or nothing; readable by everybody, as sources are.
fn save(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |error: io::Error| cannot("write", path, &error);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644)).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
