//! Secrets that the rendered tree refers to: host keys and random ones, made when they are missing and sealed anew
//! when a machine joins that must open them.

use crate::failure::Failure;
use crate::hostkeys::{self, KeyError};
use crate::load::Loaded;
use crate::sealing::{self, Vault};
use fleet::HostName;
use nixos::{Origin, Sealed};
use std::fs;
use std::path::Path;

/// Makes what is missing, and tells which.
pub(super) fn make(loaded: &Loaded, dir: &Path) -> Result<Vec<String>, Failure> {
    let vault = Vault::of(loaded);
    let failed = |what: &str, error: &KeyError| {
        Failure::Failed(format!("{what}: {error}\n  next: mend that, then homehive render"))
    };
    let mut made = Vec::new();
    for name in vault.make_host_keys().map_err(|(name, error)| failed(&name, &error))? {
        made.push(format!("secrets/host-keys/{name}.age, and its public half: the host key of {name}"));
    }
    for secret in vault.table() {
        made.extend(ensure(&vault, secret).map_err(|error| failed(&secret.file, &error))?);
        bring(&loaded.dir(), dir, &secret.file)?;
    }
    Ok(made)
}

/// One secret, open to the admin and to its machines; random if it is not there and may be.
fn ensure(vault: &Vault, secret: &Sealed) -> Result<Option<String>, KeyError> {
    let (path, file) = (vault.path(&secret.file), &secret.file);
    if !path.exists() {
        if secret.origin == Origin::User {
            return Ok(None);
        }
        vault.write(secret, &sealing::random()?)?;
        return Ok(Some(format!("secrets/{file}: random, for {}", names(&secret.machines))));
    }
    let recipients = vault.recipients(&secret.machines)?;
    if hostkeys::sealed_for(&path, recipients.iter().map(String::as_str))? {
        return Ok(None);
    }
    // A machine has joined: the secret stays, more can open it.
    let value = vault.open(&path)?;
    vault.write(secret, hostkeys::reveal(&value))?;
    Ok(Some(format!("secrets/{file}: the same secret, sealed anew for {}", names(&secret.machines))))
}

fn names(who: &[HostName]) -> String {
    who.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A tree elsewhere has its own copy of what its modules refer to.
fn bring(from: &Path, to: &Path, file: &str) -> Result<(), Failure> {
    let (source, target) = (from.join("secrets").join(file), to.join("secrets").join(file));
    if super::same_place(from, to) || !source.exists() {
        return Ok(());
    }
    let bytes = fs::read(&source).map_err(|error| super::cannot("read", &source, &error))?;
    if fs::read(&target).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    super::save(&target, &bytes)
}
