//! All secrets sealed anew for today's admin and machines: all of them or none.

use super::Vault;
use crate::failure::Failure;
use crate::hostkeys::{self, KeyError};
use fleet::HostName;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Rekeyed {
    /// Files that are sealed anew, by their names under `secrets/`.
    pub sealed: Vec<String>,
    /// How many were right already.
    pub right: usize,
}

/// Seals anew what is not for exactly today's recipients; with `all`, everything.
pub fn rekey(vault: &Vault, all: bool) -> Result<Rekeyed, Failure> {
    let failed = |file: &str, error: KeyError| {
        let next = "mend that, then homehive secrets rekey";
        Failure::failed(format!("secrets/{file}, and so nothing was changed"), error, next)
    };
    let hosts = vault.hosts().iter().map(|name| (format!("host-keys/{name}.age"), Vec::new()));
    let secrets = vault.table().iter().map(|secret| (secret.file.clone(), secret.machines.clone()));
    let mut done = Rekeyed::default();
    let mut ready = Vec::new();
    for (file, machines) in hosts.chain(secrets) {
        let path = vault.path(&file);
        if !path.exists() {
            continue;
        }
        if !all && right(vault, &path, &machines).map_err(|error| failed(&file, error))? {
            done.right += 1;
            continue;
        }
        let sealed = sealed_anew(vault, &path, &machines).map_err(|error| failed(&file, error))?;
        ready.push((path, sealed));
        done.sealed.push(file);
    }
    replace(ready)?;
    Ok(done)
}

/// Is it sealed for exactly these?
fn right(vault: &Vault, path: &Path, machines: &[HostName]) -> Result<bool, KeyError> {
    let recipients = vault.recipients(machines)?;
    let recipients = || recipients.iter().map(String::as_str);
    Ok(hostkeys::sealed_for(path, recipients())? && hostkeys::strangers(path, recipients())? == 0)
}

/// The same secret for today's recipients, in a file beside it.
fn sealed_anew(vault: &Vault, path: &Path, machines: &[HostName]) -> Result<NamedTempFile, KeyError> {
    let secret = vault.open(path)?;
    let recipients = vault.recipients(machines)?;
    let sealed = hostkeys::seal(hostkeys::reveal(&secret).as_bytes(), recipients.iter().map(String::as_str))?;
    let write = || -> io::Result<NamedTempFile> {
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(&sealed)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(|source| KeyError::Access { path: path.to_owned(), source })
}

/// Puts the new files in the places of the old; where one cannot, the old ones come back.
fn replace(ready: Vec<(PathBuf, NamedTempFile)>) -> Result<(), Failure> {
    let mut replaced: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for (path, file) in ready {
        let old = fs::read(&path);
        let put = old.and_then(|old| file.persist(&path).map(|_| old).map_err(|error| error.error));
        match put {
            Ok(old) => replaced.push((path, old)),
            Err(error) => {
                let back = replaced.iter().try_for_each(|(path, old)| hostkeys::write_whole(path, old));
                let told = match back {
                    Ok(()) => "the files before it are as they were".to_owned(),
                    Err(error) => format!("and the files before it stay sealed anew: {error}"),
                };
                let next = "mend that, then homehive secrets rekey";
                return Err(Failure::failed(format!("{} ({told})", path.display()), error, next));
            }
        }
    }
    Ok(())
}
