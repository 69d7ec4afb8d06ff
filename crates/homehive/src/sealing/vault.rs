//! Where a fleet's sealed files lie, for whom each is to be sealed today, and whether it is.

use crate::failure::Failure;
use crate::hostkeys::{self, HostKeys, INSTALLER, KeyError};
use crate::load::Loaded;
use crate::reach;
use age::secrecy::SecretString;
use fleet::HostName;
use nixos::{Origin, Sealed};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The sealed files of one fleet.
#[derive(Clone, Debug)]
pub struct Vault {
    dir: PathBuf,
    keys: HostKeys,
    admins: Vec<String>,
    hosts: Vec<String>,
    table: Vec<Sealed>,
    identity: Option<PathBuf>,
}

/// How a sealed file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is there, for today's admin and machines.
    There,
    /// It is not there.
    Missing,
    /// It is there, and sealed for others than today's admin and machines.
    Stale,
}

impl State {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::Missing => "missing",
            Self::Stale => "stale",
        }
    }
}

impl Vault {
    /// Of this fleet.
    pub fn of(loaded: &Loaded) -> Self {
        let keys = HostKeys::of(&loaded.dir());
        // A machine of the user's own flake keeps the key it has, unless homehive installs it.
        let ours = loaded
            .fleet
            .machines
            .iter()
            .filter(|(name, machine)| machine.configuration.is_none() || keys.is_whole(name.as_ref()));
        let hosts: Vec<String> = ours.map(|(name, _)| name.to_string()).collect();
        Self {
            dir: loaded.dir().join("secrets"),
            admins: loaded.fleet.admin.keys.iter().map(ToString::to_string).collect(),
            hosts: hosts.into_iter().chain([INSTALLER.to_owned()]).collect(),
            keys,
            table: nixos::sealed(&loaded.fleet),
            identity: reach::identity(loaded),
        }
    }

    /// Has anything been made for this fleet yet?
    pub fn begun(&self) -> bool {
        self.dir.exists()
    }

    /// What is to be there, beside host keys.
    pub fn table(&self) -> &[Sealed] {
        &self.table
    }

    /// Machines, and the medium, by the names of their host keys.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Where a secret lies.
    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    /// The secrets that only the user can set, and has not.
    pub fn unset(&self) -> impl Iterator<Item = &Sealed> {
        self.table.iter().filter(|secret| secret.origin == Origin::User && !self.path(&secret.file).exists())
    }

    /// Sealed files that belong to nothing the fleet has, by their names under `secrets/`.
    pub fn strays(&self) -> Vec<String> {
        let names = |dir: PathBuf| {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names.filter(|name| Path::new(name).extension().is_some_and(|it| it == "age")).collect::<Vec<_>>()
        };
        let known = |name: &String| self.table.iter().any(|secret| secret.file == *name);
        let host = |name: &String| self.hosts.iter().any(|host| name.strip_suffix(".age") == Some(host));
        let mut strays: Vec<String> = names(self.dir.clone()).into_iter().filter(|name| !known(name)).collect();
        let keys = names(self.dir.join("host-keys")).into_iter().filter(|name| !host(name));
        strays.extend(keys.map(|name| format!("host-keys/{name}")));
        strays.sort();
        strays
    }

    /// The admin's keys; at least one of them must be of a kind that age can seal for.
    fn admins(&self) -> Result<&[String], KeyError> {
        let able = |key: &String| key.parse::<age::ssh::Recipient>().is_ok();
        if self.admins.iter().any(able) { Ok(&self.admins) } else { Err(KeyError::NoRecipient) }
    }

    /// For whom a secret is sealed: the admin, and these machines as far as they have host keys.
    pub fn recipients(&self, machines: &[HostName]) -> Result<Vec<String>, KeyError> {
        let hosts = machines.iter().filter_map(|name| self.keys.public(name.as_ref()));
        Ok(self.admins()?.iter().cloned().chain(hosts).collect())
    }

    /// Makes the host keys that are missing; tells whose.
    pub fn make_host_keys(&self) -> Result<Vec<String>, (String, KeyError)> {
        let mut made = Vec::new();
        for name in &self.hosts {
            let missing = self.keys.public(name).is_none();
            let admins = self.admins.iter().map(String::as_str);
            self.keys.ensure(name, admins).map_err(|error| (name.clone(), error))?;
            if missing {
                made.push(name.clone());
            }
        }
        Ok(made)
    }

    /// How the file of this name is, which these machines are to open, and what is wrong with it.
    pub fn state(&self, file: &str, machines: &[HostName]) -> Result<(State, Vec<String>), KeyError> {
        let path = self.path(file);
        if !path.exists() {
            return Ok((State::Missing, Vec::new()));
        }
        let mut wrong = Vec::new();
        for name in machines {
            match self.keys.public(name.as_ref()) {
                None => wrong.push(format!("{name} has no host key yet")),
                Some(key) if !hostkeys::sealed_for(&path, [key.as_str()])? => {
                    wrong.push(format!("{name} cannot open it"));
                }
                Some(_) => {}
            }
        }
        let recipients = self.recipients(machines)?;
        if !hostkeys::sealed_for(&path, self.admins.iter().map(String::as_str))? {
            wrong.push("not every key of the admin opens it".to_owned());
        }
        match hostkeys::strangers(&path, recipients.iter().map(String::as_str))? {
            0 => {}
            1 => wrong.push("another key opens it as well".to_owned()),
            more => wrong.push(format!("{more} other keys open it as well")),
        }
        Ok((if wrong.is_empty() { State::There } else { State::Stale }, wrong))
    }

    /// Opens a sealed file with the admin's private key.
    pub fn open(&self, path: &Path) -> Result<SecretString, KeyError> {
        let identity = self.identity.clone().map_or_else(hostkeys::identity, Ok)?;
        hostkeys::open(path, &identity)
    }

    /// Seals a secret for its admin and machines.
    pub fn write(&self, secret: &Sealed, value: &str) -> Result<(), KeyError> {
        let recipients = self.recipients(&secret.machines)?;
        let path = self.path(&secret.file);
        hostkeys::write_sealed(&path, value.as_bytes(), recipients.iter().map(String::as_str))
    }

    /// The secret that a person means: its name, with or without ending, or the beginning of one alone up to a hyphen.
    pub fn find(&self, name: &str) -> Result<&Sealed, Failure> {
        let name = name.strip_prefix("secrets/").unwrap_or(name);
        let name = name.strip_suffix(".age").unwrap_or(name);
        if let Some(found) = self.table.iter().find(|secret| secret.name() == name) {
            return Ok(found);
        }
        let begins = |secret: &&Sealed| secret.name().strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
        let mut likely = self.table.iter().filter(begins);
        if let (Some(found), None) = (likely.next(), likely.next()) {
            return Ok(found);
        }
        let known: Vec<&str> = self.table.iter().map(Sealed::name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let help = match name.strip_prefix("host-keys/").unwrap_or(name) {
            host if self.hosts.iter().any(|known| known == host) => format!(
                "host keys are made by homehive and never change by themselves; a machine gets a new one by removing \
                 secrets/host-keys/{host}.* and installing it again. Its secrets: {known}"
            ),
            _ => format!("its secrets: {known}"),
        };
        Err(Failure::usage(format!("the fleet has no secret `{name}`"), help))
    }
}

/// 32 random bytes in hexadecimal digits.
pub fn random() -> Result<Zeroizing<String>, KeyError> {
    use ssh_key::rand_core::RngCore as _;
    let mut bytes = Zeroizing::new([0_u8; 32]);
    let filled = ssh_key::rand_core::OsRng.try_fill_bytes(&mut *bytes);
    filled.map_err(|error| KeyError::Random(error.to_string()))?;
    let mut text = Zeroizing::new(String::with_capacity(64));
    for byte in *bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
