//! A lab at work: its machines, its fleet file, its keys, kept in step.

use super::derive::{KEY_FILE, derive, set_port, set_serial};
use super::saved::Saved;
use crate::failure::Failure;
use crate::hostkeys::{HostKeys, INSTALLER, KeyError, reveal};
use crate::load::{Loaded, Unloaded};
use cmd::Cmd;
use fleet::{Fleet, HostName};
use lab::image::{Cache, Image, Recipe};
use lab::kvm::Accel;
use lab::snapshot::Booted;
use lab::{Event, Keys, Lab, LabDir, LabError, Loss, Medium};
use machine::Story;
use serde_json::Value;
use ssh_key::{Algorithm, LineEnding, PrivateKey};
use std::fs;
use std::io::Write as _;
use std::ops::Deref;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a guest may take to answer: four times what emulation on two slow cores takes.
const BOOT: Duration = Duration::from_mins(5);
/// How long a guest may take to shut down.
const OFF: Duration = Duration::from_mins(2);

/// What a machine is booted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The installation medium.
    Medium,
    /// Its own boot disk and nothing else.
    Disks,
}

/// A lab to work with.
#[derive(Debug)]
pub struct Bench {
    lab: Lab,
    story: Story,
    image: Option<Image>,
}

/// Where the lab of this fleet file belongs: one per file, so that two fleets of one name do not meet.
pub fn place(loaded: &Loaded) -> Result<PathBuf, Failure> {
    let path = fs::canonicalize(&loaded.path).unwrap_or_else(|_| loaded.path.clone());
    let mark = storage::identity::namespace(&path.to_string_lossy(), "lab").simple().to_string();
    let name = format!("{}-{}", loaded.fleet.about.name, &mark[..8]);
    LabDir::place(&name).ok_or_else(|| Failure::Failed("no place for a lab: HOME is not set".into()))
}

/// The lab of this fleet file, which must be there.
pub fn open(loaded: &Loaded, story: &Story) -> Result<Bench, Failure> {
    let lab = LabDir::at(&place(loaded)?).and_then(|dir| dir.lock(server()?)).map_err(failed)?;
    Ok(Bench { lab, story: story.clone(), image: None })
}

/// This very program, as the server of drives and of the wire.
pub(super) fn server() -> Result<Cmd, LabError> {
    let program = std::env::current_exe().map_err(|error| LabError::Drives { said: error.to_string() })?;
    Ok(Cmd::new(&program.to_string_lossy()))
}

/// The fleet file that the lab at `place` wrote for itself.
pub fn open_fleet(place: &Path) -> Result<Loaded, Failure> {
    let file = place.join("fleet.json");
    if !file.exists() {
        return Err(Failure::usage("this fleet has no lab", "start one: homehive lab up"));
    }
    Loaded::read(&file).map_err(|error| match error {
        Unloaded::Unreadable(failure) => failure,
        Unloaded::Wrong(report) => Failure::Bug(format!("the lab's own fleet is wrong: {:?}", report.findings())),
    })
}

impl Deref for Bench {
    type Target = LabDir;

    fn deref(&self) -> &LabDir {
        &self.lab
    }
}

impl Bench {
    /// Makes the lab: image, keys, fleet file, blank disks (or those of `saved`). Nothing runs yet.
    pub async fn create(
        loaded: &Loaded,
        machines: &[HostName],
        saved: Option<&Saved>,
        story: &Story,
    ) -> Result<Self, Failure> {
        let image = image(&loaded.fleet, story).await?;
        let key = PrivateKey::random(&mut ssh_key::rand_core::OsRng, Algorithm::Ed25519).map_err(failed)?;
        let mut public = key.public_key().to_openssh().map_err(failed)?;
        if let Some(saved) = saved {
            public = saved.public()?;
            saved.fits(&machines.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        }
        let derived = derive(&loaded.fleet, machines, &format!("{} lab", public.trim())).map_err(failed)?;
        let verdict = lab::kvm::probe(&image.kernel()).await;
        let slow = if verdict.accel == Accel::Emulated { ", which is slow" } else { "" };
        story.note("lab", format!("machines run by {:?}{slow}: {}", verdict.accel, verdict.reason).to_lowercase());
        let lab = Lab::create(&place(loaded)?, &derived.blueprint, &verdict, server()?).await.map_err(failed)?;
        let mut bench = Self { lab, story: story.clone(), image: Some(image) };
        match saved {
            None => {
                let secret = key.to_openssh(LineEnding::LF).map_err(failed)?;
                private(&bench.path("secrets/identity"), secret.as_bytes())?;
                let key = crate::sealing::random().map_err(failed)?;
                private(&bench.path(KEY_FILE), key.as_bytes())?;
                bench.write_fleet(&derived.fleet)?;
                let keys = bench.keys();
                for name in std::iter::once(INSTALLER.to_owned()).chain(machines.iter().map(ToString::to_string)) {
                    keys.ensure(&name, [public.as_str()]).map_err(|error: KeyError| failed(error))?;
                }
            }
            Some(saved) => saved.restore(&mut bench.lab).await?,
        }
        Ok(bench)
    }

    /// The lab's own fleet.
    pub fn loaded(&self) -> Result<Loaded, Failure> {
        open_fleet(self.lab.root())
    }

    /// Boots a machine and waits until it answers with its host key.
    pub async fn boot(&mut self, machine: &str, from: From) -> Result<(), Failure> {
        let what = match from {
            From::Medium => "boots from the installation medium",
            From::Disks => "boots from its own boot disk alone",
        };
        self.story.stage(machine, what);
        let tell = observer(&self.story);
        match from {
            From::Disks => self.lab.start(machine, Medium::Disks, &tell).await.map_err(failed)?,
            From::Medium => {
                let (image, keys) = self.medium().await?;
                let medium = Medium::Installer { image: &image, keys: &keys };
                self.lab.start(machine, medium, &tell).await.map_err(failed)?;
                self.image = Some(image);
            }
        }
        self.answers(machine).await
    }

    /// Waits until a machine that was started lets people in, at the port that it has now.
    async fn answers(&mut self, machine: &str) -> Result<(), Failure> {
        let port = self.port(machine)?;
        let mut fleet = self.read_fleet()?;
        set_port(&mut fleet, machine, port);
        self.write_fleet(&fleet)?;
        self.lab.wait_ssh(machine, port, BOOT, &observer(&self.story)).await.map_err(failed)
    }

    /// Brings a machine back in the midst of what it did when `saved` was taken; its disks are restored already.
    pub async fn resume(&mut self, machine: &str, saved: &Saved) -> Result<(), Failure> {
        let Some((memory, booted)) = saved.memory(machine) else {
            return Err(Failure::Bug(format!("no memory of `{machine}` is kept")));
        };
        self.story.stage(machine, "goes on where it was");
        let tell = observer(&self.story);
        match booted {
            Booted::Disks => self.lab.resume(machine, &memory, Medium::Disks, &tell).await?,
            Booted::Medium => {
                let (image, keys) = self.medium().await?;
                let medium = Medium::Installer { image: &image, keys: &keys };
                self.lab.resume(machine, &memory, medium, &tell).await?;
                self.image = Some(image);
            }
        }
        self.answers(machine).await
    }

    /// Brings the whole lab back to what was saved: what runs is cut off, bad links are good, and what ran then goes on.
    pub async fn restore(&mut self, saved: &Saved) -> Result<Vec<String>, Failure> {
        let names: Vec<_> = self.lab.state().map_err(failed)?.machines.into_iter().map(|it| it.machine.name).collect();
        saved.fits(&names)?;
        for name in names.iter().filter(|name| self.lab.guest(name).is_some()) {
            self.story.stage(name, "is cut off");
            self.lab.power_cut(name, Loss::None).await?;
        }
        self.lab.mend_links().await?;
        self.story.stage("lab", "gets the saved disks");
        saved.restore(&mut self.lab).await?;
        let running = saved.running();
        for machine in &running {
            self.resume(machine, saved).await?;
        }
        Ok(running)
    }

    /// The guest image, and the keys that its media have.
    pub async fn medium(&mut self) -> Result<(Image, Keys), Failure> {
        let image = match self.image.take() {
            Some(image) => image,
            None => image(&self.loaded()?.fleet, &self.story).await?,
        };
        let identity = self.path("secrets/identity");
        let host = self.keys().secret(INSTALLER, &identity).map_err(failed)?;
        let authorized = self.loaded()?.fleet.admin.keys.iter().map(ToString::to_string).collect();
        Ok((image, Keys { authorized, host: reveal(&host).to_owned() }))
    }

    /// Shuts a machine down by its power button; its power is cut if it does not listen.
    pub async fn off(&mut self, machine: &str) -> Result<(), Failure> {
        self.story.stage(machine, "shuts down");
        let tell = observer(&self.story);
        self.lab.stop(machine, OFF, &tell).await.map_err(failed).map(drop)
    }

    /// Waits until a machine that was told to shut down is off.
    pub async fn wait_off(&self, machine: &str) -> Result<(), Failure> {
        self.lab.wait_off(machine, OFF, &observer(&self.story)).await.map_err(failed)
    }

    /// Puts a new, blank disk with a serial number of its own in the place of this one, and writes that into the lab's
    /// fleet as a person would. The new serial number.
    pub fn replace(&mut self, machine: &str, disk: &str) -> Result<String, Failure> {
        let state = self.lab.state().map_err(failed)?;
        let disks = state.machines.iter().find(|it| it.machine.name == machine).map(|it| &it.machine.disks);
        let old = disks.into_iter().flatten().find(|it| it.name == disk).map_or("LAB", |it| it.serial.as_str());
        let (stem, count) = match old.rsplit_once("-R") {
            Some((stem, count)) if count.parse::<u32>().is_ok() => (stem, count.parse().unwrap_or(0)),
            _ => (old, 0_u32),
        };
        let tail = format!("-R{}", count + 1);
        let serial = format!("{}{tail}", &stem[..stem.len().min(20 - tail.len())]);
        self.lab.replace_disk(machine, disk, &serial, None).map_err(failed)?;
        let mut fleet = self.read_fleet()?;
        set_serial(&mut fleet, machine, disk, &serial);
        self.write_fleet(&fleet)?;
        Ok(serial)
    }

    /// The lab itself, for faults.
    pub fn lab(&mut self) -> &mut Lab {
        &mut self.lab
    }

    /// The lab itself, to give orders that change nothing of it.
    pub fn held(&self) -> &Lab {
        &self.lab
    }

    /// The cached package tree that the stand-in closure is built from.
    pub async fn packages(&self) -> Result<PathBuf, Failure> {
        match &self.image {
            Some(image) => Ok(image.packages()),
            None => Ok(image(&self.loaded()?.fleet, &self.story).await?.packages()),
        }
    }

    /// Where a machine's sshd answers on loopback.
    fn port(&self, machine: &str) -> Result<u16, Failure> {
        let state = self.lab.state().map_err(failed)?;
        let found = state.machines.iter().find(|it| it.machine.name == machine);
        found
            .map(|it| it.ssh_port)
            .ok_or_else(|| Failure::usage(format!("the lab has no machine `{machine}`"), "see: homehive lab status"))
    }

    fn keys(&self) -> HostKeys {
        HostKeys::of(self.lab.root())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.lab.root().join(name)
    }

    fn read_fleet(&self) -> Result<Value, Failure> {
        let text = fs::read_to_string(self.path("fleet.json")).map_err(failed)?;
        serde_json::from_str(&text).map_err(failed)
    }

    fn write_fleet(&self, fleet: &Value) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(fleet).map_err(failed)?;
        let fresh = self.path("fleet.json.new");
        fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, self.path("fleet.json"))).map_err(failed)
    }
}

/// The guest image that the machines of `fleet` need, built if it is not in the cache.
pub async fn image(fleet: &Fleet, story: &Story) -> Result<Image, Failure> {
    let recipe = if has_pools(fleet) { Recipe::installer().with_zfs() } else { Recipe::installer() };
    let cache = Cache::of_user().map_err(failed)?;
    let need = if cache.find(&recipe).is_some() { lab::Need::Run } else { lab::Need::BuildAndRun };
    lab::require(need).map_err(failed)?;
    cache.image(&recipe, &observer(story)).await.map_err(failed)
}

/// Whether a machine declares a pool of ZFS: then all of its lab run the image that has it.
fn has_pools(fleet: &Fleet) -> bool {
    fleet.machines.values().any(|machine| serde_json::to_value(&machine.storage).is_ok_and(|it| declares_pool(&it)))
}

/// Whether this storage, as it is written in a fleet file, has a `zpool`.
fn declares_pool(storage: &Value) -> bool {
    storage.get("zpool").and_then(Value::as_object).is_some_and(|pools| !pools.is_empty())
}

/// The lab's events as part of the story.
fn observer(story: &Story) -> impl Fn(Event) + Send + Sync + use<> {
    let story = story.clone();
    move |event| match event {
        Event::ImageStep { what } => story.stage("image", what),
        Event::ImageWait => story.stage("image", "another homehive builds it; waiting"),
        Event::ImageBuilt { took } => story.note("image", format!("built in {:.0} s", took.as_secs_f64())),
        Event::Started { machine, ssh_port } => story.note(machine, format!("is on; ssh at 127.0.0.1:{ssh_port}")),
        Event::Answers { machine, took } => story.note(machine, format!("answers after {:.1} s", took.as_secs_f64())),
        Event::Off { machine } => story.note(machine, "is off"),
    }
}

/// A file that its owner alone may read, in a directory of the same kind.
pub fn private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        if let Some(dir) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(bytes)
    };
    write().map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}

/// A lab's error as the end of a verb.
pub fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

impl std::convert::From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::declares_pool;
    use serde_json::json;

    #[test]
    fn who_needs_zfs() {
        let rows = [
            (json!({ "disk": { "sata1": { "content": { "type": "gpt" } } } }), false),
            (json!({ "zpool": {} }), false),
            (json!({ "zpool": { "tank": {} } }), true),
        ];
        for (storage, needs) in rows {
            assert_eq!(declares_pool(&storage), needs, "{storage}");
        }
    }
}
