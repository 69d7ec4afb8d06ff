//! Where saves lie: a directory each, on the operator's side, readable by the user alone, on stable storage before the step
//! runs. What is saved, and what may be put back, is `storage`'s business.

use crate::journal::{Entry, Journal, JournalError, State};
use crate::{Lock, Machine, ProgramError, RunError, clock};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cmd::{Cmd, Line, Program};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use storage::facts::{Device, Facts};
use storage::plan::Overwritten;
use storage::save::{self, Area, Kept, Save, Unfit, digest};

/// A few MiB from each of a dozen partitions, over a slow line.
const DEADLINE: Duration = Duration::from_mins(5);
const MANIFEST: &str = "save.json";

/// The saves of one machine.
#[derive(Debug)]
pub struct Shelf(PathBuf);

/// A save that lies on its shelf.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    save: Save,
    /// Where the device was when it was saved; unknown later.
    device: String,
}

/// Why something was not saved, or not put back.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The machine could not be asked.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What is on the device could not be read to the end.
    #[error("{device}: of {wanted} bytes from byte {offset} on, {found} could be read{said}")]
    Short {
        /// The device.
        device: String,
        /// First byte.
        offset: u64,
        /// How many were wanted.
        wanted: u64,
        /// How many came.
        found: usize,
        /// What the machine said of that.
        said: String,
    },
    /// What lies on the shelf is not what was put there.
    #[error("{}: it is not what was saved: the file is damaged", .0.display())]
    Damaged(PathBuf),
    /// It is not to be put back.
    #[error("{0}: {1}")]
    Unfit(String, Unfit),
    /// Writing it back failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// It was written, and is not there.
    #[error("{device}: it was written back, and what is read from byte {offset} on is something else")]
    NotBack {
        /// The device.
        device: String,
        /// First byte.
        offset: u64,
    },
    /// The journal cannot be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> SaveError {
    let path = path.to_owned();
    |source| SaveError::File { path, source }
}

impl Shelf {
    /// The shelf at `dir`, which need not be there yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    /// Saves what `step` is about to write over; it is on stable storage when this returns.
    pub async fn save(&self, machine: &Machine, step: &str, over: &Overwritten) -> Result<Held, SaveError> {
        // In these questions the device stands with its path.
        let guards = over.guards.iter().cloned().map(Line::from);
        let lines = guards.map(|line| line.resolve(|path| Some(path.to_owned()))).collect::<Result<_, _>>();
        machine.run_program(&Program { lines: lines.unwrap_or_default() }, DEADLINE).await?;
        let areas = read(machine, &over.path, &over.areas).await?;
        let dump = Cmd::new("sfdisk").args(["--dump", &over.path]);
        // What sfdisk cannot read stands in the areas all the same.
        let table = if over.table { Some(machine.ask(&dump, DEADLINE).await?.stdout) } else { None };
        let table = table.filter(|text| !text.is_empty());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = clock::at(since.as_secs()).replace(['-', ':', 'Z'], "");
        let name = format!("{time}.{:03}-{}", since.subsec_millis(), over.label);
        let kept = over.areas.iter().zip(&areas);
        let kept = kept.map(|(area, bytes)| Kept { area: *area, before: digest(bytes), left: None }).collect();
        let save = Save {
            version: 1,
            name: name.clone(),
            machine: machine.name().to_owned(),
            step: step.to_owned(),
            known: over.known.clone(),
            device: over.shown.clone(),
            table,
            whole: over.whole,
            back: false,
            areas: kept,
        };
        let path = self.0.join(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(file(&self.0))?;
        DirBuilder::new().mode(0o700).create(&path).map_err(file(&path))?;
        let held = Held { path, save, device: over.path.clone() };
        for (area, bytes) in over.areas.iter().zip(&areas) {
            write(&held.area(*area), bytes)?;
        }
        if let Some(table) = &held.save.table {
            write(&held.path.join("table.sfdisk"), table.as_bytes())?;
        }
        // What has no manifest is no save: it comes last.
        held.write()?;
        for dir in self.0.ancestors().take(3) {
            sync(dir)?;
        }
        Ok(held)
    }

    /// What lies on the shelf, the oldest first.
    pub fn list(&self) -> Result<Vec<Held>, SaveError> {
        let entries = match std::fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(file(&self.0))?,
        };
        let mut held = Vec::new();
        for entry in entries {
            let path = entry.map_err(file(&self.0))?.path();
            let manifest = path.join(MANIFEST);
            match std::fs::read(&manifest) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                read => {
                    let save = serde_json::from_slice(&read.map_err(file(&manifest))?);
                    held.push(Held {
                        path,
                        device: String::new(),
                        save: save.map_err(|error| file(&manifest)(error.into()))?,
                    });
                }
            }
        }
        held.sort_by(|a, b| a.save.name.cmp(&b.save.name));
        Ok(held)
    }
}

impl Held {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.save.name
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is of.
    pub fn what(&self) -> &Save {
        &self.save
    }

    /// Writes down what the step has left where it wrote: only upon that may the save be put back.
    pub(crate) async fn left(&self, machine: &Machine) -> Result<(), SaveError> {
        let left = read(machine, &self.device, &self.areas()).await?;
        let mut save = self.save.clone();
        for (kept, left) in save.areas.iter_mut().zip(left) {
            write(&self.left_area(kept.area), &left)?;
            kept.left = Some(digest(&left));
        }
        Self { path: self.path.clone(), save, device: self.device.clone() }.write()
    }

    /// What is to be written to put it back, as long as what the step wrote is still there and nothing uses the device.
    async fn to_write(&self, machine: &Machine, device: &Device) -> Result<Vec<(Area, String)>, SaveError> {
        let now = read(machine, &device.path, &self.areas()).await?;
        let held = |at: usize| {
            let area = self.save.areas.get(at)?.area;
            Some([std::fs::read(self.area(area)).ok()?, std::fs::read(self.left_area(area)).ok()?])
        };
        let mut areas = Vec::new();
        for at in self.fit(self.save.areas_to_write(&now, held))? {
            let kept = &self.save.areas[at];
            let path = self.area(kept.area);
            let bytes = std::fs::read(&path).map_err(file(&path))?;
            if digest(&bytes) != kept.before {
                return Err(SaveError::Damaged(path));
            }
            areas.push((kept.area, STANDARD.encode(bytes)));
        }
        Ok(areas)
    }

    /// Puts it back, if it may be. What `journal` knows to be begun on the device is no longer what a cut step has left there, and
    /// must not be cleared away as such: that is written down before.
    pub async fn put_back(
        self,
        machine: &Machine,
        lock: &Lock,
        facts: &Facts,
        journal: &Journal,
    ) -> Result<(), SaveError> {
        let device = self.fit(self.save.device(facts))?;
        let areas = self.to_write(machine, device).await?;
        let begins: Vec<_> = journal.begun()?.into_iter().filter(|begun| begun.is_on(facts, device)).collect();
        let text = format!("put back {}", self.save.name);
        journal.write(&Entry {
            machine: machine.name(),
            plan: "",
            step: 0,
            text: &text,
            begins: &begins,
            state: State::Done,
        })?;
        let lines = save::write(device, &areas);
        let lines = lines.iter().map(|line| line.resolve(|path| Some(path.to_owned()))).collect::<Result<_, _>>();
        machine.run_program_under(lock, &Program { lines: lines.unwrap_or_default() }, DEADLINE).await?;
        // It is what is on the disk that counts.
        let now = read(machine, &device.path, &self.areas()).await?;
        if let Some((kept, _)) = self.save.areas.iter().zip(&now).find(|(kept, now)| digest(now) != kept.before) {
            return Err(SaveError::NotBack { device: self.save.device.clone(), offset: kept.area.offset });
        }
        Self { save: Save { back: true, ..self.save }, ..self }.write()
    }

    fn fit<T>(&self, answer: Result<T, Unfit>) -> Result<T, SaveError> {
        answer.map_err(|unfit| SaveError::Unfit(self.save.name.clone(), unfit))
    }

    fn areas(&self) -> Vec<Area> {
        self.save.areas.iter().map(|kept| kept.area).collect()
    }

    /// What stood there before the step.
    fn area(&self, area: Area) -> PathBuf {
        self.path.join(format!("from-{}", area.offset))
    }

    /// What the step left there.
    fn left_area(&self, area: Area) -> PathBuf {
        self.path.join(format!("left-from-{}", area.offset))
    }

    /// Writes the manifest, the whole of it or nothing.
    fn write(&self) -> Result<(), SaveError> {
        let (manifest, new) = (self.path.join(MANIFEST), self.path.join("save.json.new"));
        let _ = std::fs::remove_file(&new);
        let text = serde_json::to_vec_pretty(&self.save).map_err(|error| file(&manifest)(error.into()))?;
        write(&new, &text)?;
        std::fs::rename(&new, &manifest).map_err(file(&manifest))?;
        sync(&self.path)
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SaveError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut opened = opened.map_err(file(path))?;
    opened.write_all(bytes).and_then(|()| opened.sync_all()).map_err(file(path))
}

fn sync(dir: &Path) -> Result<(), SaveError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(file(dir))
}

/// What is in these areas, on the disk.
async fn read(machine: &Machine, path: &str, areas: &[Area]) -> Result<Vec<Vec<u8>>, SaveError> {
    let output = machine.ask_untold(&save::read(path, areas), DEADLINE).await?;
    let mut lines = output.stdout.lines();
    let decoded = areas.iter().map(|area| {
        let bytes = lines.next().and_then(|line| STANDARD.decode(line).ok()).unwrap_or_default();
        if u64::try_from(bytes.len()).ok() == Some(area.length) {
            return Ok(bytes);
        }
        let said = output.stderr.trim();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        let (device, offset, wanted) = (path.to_owned(), area.offset, area.length);
        Err(SaveError::Short { device, offset, wanted, found: bytes.len(), said })
    });
    decoded.collect()
}
