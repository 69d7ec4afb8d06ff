//! Secrets that the rendered tree refers to: host keys and random tokens, made when they are missing and sealed anew
//! when a machine joins that must open them.

use crate::failure::Failure;
use crate::hostkeys::{self, HostKeys, INSTALLER, KeyError};
use crate::load::Loaded;
use fleet::HostName;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Makes what is missing, and tells which.
pub(super) fn make(loaded: &Loaded, dir: &Path) -> Result<Vec<String>, Failure> {
    let admins: Vec<String> = loaded.fleet.admin.keys.iter().map(ToString::to_string).collect();
    let keys = HostKeys::of(&loaded.dir());
    let failed = |what: &str, error: &KeyError| {
        Failure::Failed(format!("{what}: {error}\n  next: mend that, then homehive render"))
    };
    let mut made = Vec::new();
    let machines = loaded.fleet.machines.keys().map(ToString::to_string);
    for name in machines.chain([INSTALLER.to_owned()]) {
        let missing = keys.public(&name).is_none();
        keys.ensure(&name, admins.iter().map(String::as_str)).map_err(|error| failed(&name, &error))?;
        if missing {
            made.push(format!("secrets/host-keys/{name}.age, and its public half: the host key of {name}"));
        }
    }
    let mut all = nixos::needed_secrets(&loaded.fleet);
    let (sealed, everyone) = (loaded.dir().join("secrets").join(nixos::MAIL_PASSWORD), loaded.fleet.machines.keys());
    if sealed.exists() {
        // The user made it; a machine that came later must be able to open it.
        all.push((nixos::MAIL_PASSWORD, everyone.cloned().collect()));
    }
    for (file, who) in all {
        let told = ensure(loaded, &keys, file, &who, &admins).map_err(|error| failed(file, &error))?;
        made.extend(told);
        bring(&loaded.dir(), dir, file)?;
    }
    Ok(made)
}

/// One secret, random if it is not there, open to the admin and to these machines.
fn ensure(
    loaded: &Loaded,
    keys: &HostKeys,
    file: &str,
    who: &[HostName],
    admins: &[String],
) -> Result<Option<String>, KeyError> {
    let path = loaded.dir().join("secrets").join(file);
    let hosts = who.iter().filter_map(|name| keys.public(name.as_ref()));
    let recipients: Vec<String> = admins.iter().cloned().chain(hosts).collect();
    let recipients = || recipients.iter().map(String::as_str);
    if !path.exists() {
        let secret = random()?;
        hostkeys::write_sealed(&path, secret.as_bytes(), recipients())?;
        return Ok(Some(format!("secrets/{file}: random, for {}", names(who))));
    }
    if hostkeys::sealed_for(&path, recipients())? {
        return Ok(None);
    }
    // A machine has joined: the secret stays, more can open it.
    let identity = hostkeys::identity()?;
    let secret = hostkeys::open(&path, &identity)?;
    hostkeys::write_sealed(&path, hostkeys::reveal(&secret).as_bytes(), recipients())?;
    Ok(Some(format!("secrets/{file}: the same secret, sealed anew for {}", names(who))))
}

fn names(who: &[HostName]) -> String {
    who.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// 32 random bytes in hexadecimal digits.
fn random() -> Result<String, KeyError> {
    use ssh_key::rand_core::RngCore as _;
    let mut bytes = [0_u8; 32];
    let filled = ssh_key::rand_core::OsRng.try_fill_bytes(&mut bytes);
    filled.map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
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
