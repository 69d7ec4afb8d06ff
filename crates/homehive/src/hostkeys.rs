//! Machines' SSH host keys: made before the first boot, the secret half encrypted with age to the admin's keys, the
//! public half beside it, so that a machine is known before anybody has spoken to it.

use age::secrecy::{ExposeSecret as _, SecretString};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use sha2::{Digest as _, Sha256};
use ssh_key::{Algorithm, LineEnding, PrivateKey};
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::iter;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The name under which the installer's key is kept, beside those of the machines.
pub const INSTALLER: &str = "installer";

/// The host keys of a fleet: `<name>.pub` and `<name>.age` in one directory.
#[derive(Clone, Debug)]
pub struct HostKeys {
    dir: PathBuf,
}

/// Why a host key is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file cannot be read or written.
    #[error("cannot access {}: {source}", path.display())]
    Access { path: PathBuf, source: io::Error },
    /// None of the admin's keys can decrypt.
    #[error(
        "none of `admin.keys` can protect a secret: age encrypts to ssh-ed25519 and ssh-rsa keys; add one of these"
    )]
    NoRecipient,
    /// The secret half cannot be decrypted.
    #[error("cannot decrypt {} with {}: {reason}", path.display(), identity.display())]
    Locked { path: PathBuf, identity: PathBuf, reason: String },
    /// No private key to decrypt with.
    #[error(
        "no private key to decrypt host keys with: looked for {looked}; name yours in the variable HOMEHIVE_IDENTITY"
    )]
    NoIdentity { looked: String },
    /// A public half by which a machine may be known already, without the secret one.
    #[error(
        "{} is there without its secret half {}: the machine may be known by it, so no new pair is made; bring the sealed \
         file back from where the fleet's files are kept, or remove the public half to have a new key made, which the \
         machine gets by being installed anew", public.display(), secret.display()
    )]
    HalfAPair { public: PathBuf, secret: PathBuf },
    /// The system gives no random bytes.
    #[error("no random bytes are to be had: {0}")]
    Random(String),
    /// A key pair cannot be made.
    #[error("cannot make a host key: {0}")]
    Make(#[from] ssh_key::Error),
}

impl HostKeys {
    /// The keys of the fleet whose file lies in `fleet_dir`.
    pub fn of(fleet_dir: &Path) -> Self {
        Self { dir: fleet_dir.join("secrets/host-keys") }
    }

    fn public_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.pub"))
    }

    fn secret_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.age"))
    }

    /// The public half, if the machine has a key yet.
    pub fn public(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.public_path(name)).ok()?;
        Some(text.trim().to_owned())
    }

    /// Are both halves there?
    pub fn is_whole(&self, name: &str) -> bool {
        self.public(name).is_some() && self.secret_path(name).exists()
    }

    /// The public half; the pair is made if there is none. `recipients` are the admin's public keys.
    pub fn ensure<'a>(&self, name: &str, recipients: impl IntoIterator<Item = &'a str>) -> Result<String, KeyError> {
        if let Some(known) = self.public(name) {
            let (public, secret) = (self.public_path(name), self.secret_path(name));
            return if secret.exists() { Ok(known) } else { Err(KeyError::HalfAPair { public, secret }) };
        }
        let key = PrivateKey::random(&mut ssh_key::rand_core::OsRng, Algorithm::Ed25519)?;
        let secret = key.to_openssh(LineEnding::LF)?;
        let public = key.public_key().to_openssh()?;
        fs::create_dir_all(&self.dir).map_err(access(&self.dir))?;
        let sealed = seal(secret.as_bytes(), recipients)?;
        // The secret half first: a public half without it would promise a key that nobody has.
        write_whole(&self.secret_path(name), &sealed)?;
        write_whole(&self.public_path(name), format!("{public} {name}\n").as_bytes())?;
        Ok(public)
    }

    /// The secret half in OpenSSH's form, decrypted with the private key in `identity`.
    pub fn secret(&self, name: &str, identity: &Path) -> Result<SecretString, KeyError> {
        open(&self.secret_path(name), identity)
    }
}

/// What a sealed file holds, decrypted with the private key in `identity`.
pub fn open(path: &Path, identity: &Path) -> Result<SecretString, KeyError> {
    let sealed = fs::read(path).map_err(access(path))?;
    let key = fs::File::open(identity).map_err(access(identity))?;
    let locked = |reason: String| KeyError::Locked { path: path.to_owned(), identity: identity.to_owned(), reason };
    let key = age::ssh::Identity::from_buffer(BufReader::new(key), Some(identity.display().to_string()))
        .map_err(|error| locked(error.to_string()))?;
    if let age::ssh::Identity::Encrypted(_) = key {
        return Err(locked("it has a passphrase; name a key without one in HOMEHIVE_IDENTITY".into()));
    }
    let armor = age::armor::ArmoredReader::new(&sealed[..]);
    let opened = age::Decryptor::new(armor).and_then(|sealed| sealed.decrypt(iter::once(&key as _)));
    // What is opened is shorter than the file, so that the text is never copied elsewhere while it grows.
    let mut text = Zeroizing::new(String::with_capacity(sealed.len()));
    opened
        .map_err(|error| locked(error.to_string()))?
        .read_to_string(&mut text)
        .map_err(|error| locked(error.to_string()))?;
    Ok(SecretString::from(text.as_str()))
}

/// Writes a secret that only these public keys' owners can open.
pub fn write_sealed<'a>(
    path: &Path,
    secret: &[u8],
    recipients: impl IntoIterator<Item = &'a str>,
) -> Result<(), KeyError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(access(dir))?;
    write_whole(path, &seal(secret, recipients)?)
}

/// Can each of these public keys' owners open the file?
pub fn sealed_for<'a>(path: &Path, recipients: impl IntoIterator<Item = &'a str>) -> Result<bool, KeyError> {
    let named = stanzas(path)?;
    let fits = |key: &str| stanza(key).is_none_or(|stanza| named.contains(&stanza));
    Ok(recipients.into_iter().all(fits))
}

/// How many keys can open the file beside these.
pub fn strangers<'a>(path: &Path, recipients: impl IntoIterator<Item = &'a str>) -> Result<usize, KeyError> {
    let known: Vec<(String, String)> = recipients.into_iter().filter_map(stanza).collect();
    // Stanzas of types that nobody knows are there on purpose, and mean nothing (C2SP's age.md, "grease").
    let means = |kind: &str| kind.starts_with("ssh-") || ["X25519", "scrypt", "piv-p256"].contains(&kind);
    Ok(stanzas(path)?.iter().filter(|found| means(&found.0) && !known.contains(found)).count())
}

/// How a file that is sealed for this key names it; none for a key that age cannot seal for, which is left out when a
/// file is written and counts as served.
fn stanza(key: &str) -> Option<(String, String)> {
    key.parse::<age::ssh::Recipient>().ok()?;
    let wire = ssh_key::PublicKey::from_openssh(key).ok()?.to_bytes().ok()?;
    let kind = key.split(' ').next().unwrap_or_default();
    Some((kind.to_owned(), BASE64.encode(&Sha256::digest(&wire)[..4])))
}

/// Whom a sealed file names: the type and first argument of each stanza of its header. An `ssh-ed25519` or `ssh-rsa`
/// recipient is named by the beginning of the SHA-256 of its key (C2SP's age.md).
fn stanzas(path: &Path) -> Result<Vec<(String, String)>, KeyError> {
    let sealed = fs::read(path).map_err(access(path))?;
    let mut header = Vec::new();
    // The header is text, and ends with the line of its authentication code.
    let mut reader = BufReader::new(age::armor::ArmoredReader::new(&sealed[..]));
    loop {
        let before = header.len();
        let read = reader.read_until(b'\n', &mut header).map_err(access(path))?;
        if read == 0 || header[before..].starts_with(b"---") {
            break;
        }
    }
    let header = String::from_utf8_lossy(&header).into_owned();
    let lines = header.lines().filter_map(|line| line.strip_prefix("-> "));
    Ok(lines
        .map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            (words.next().unwrap_or_default(), words.next().unwrap_or_default())
        })
        .collect())
}

/// The private key that opens the fleet's secrets: `HOMEHIVE_IDENTITY`, or the usual places under `~/.ssh`.
pub fn identity() -> Result<PathBuf, KeyError> {
    if let Some(path) = std::env::var_os("HOMEHIVE_IDENTITY") {
        return Ok(path.into());
    }
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let usual = ["id_ed25519", "id_rsa"].map(|name| home.join(".ssh").join(name));
    let looked = usual.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    usual.into_iter().find(|path| path.exists()).ok_or(KeyError::NoIdentity { looked })
}

/// The secret as text, for the one place that hands it on.
pub fn reveal(secret: &SecretString) -> &str {
    secret.expose_secret()
}

/// The bytes of a file that only these public keys' owners can open.
pub fn seal<'a>(secret: &[u8], recipients: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>, KeyError> {
    let recipients: Vec<age::ssh::Recipient> = recipients.into_iter().filter_map(|key| key.parse().ok()).collect();
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(|key| key as &dyn age::Recipient))
        .map_err(|_| KeyError::NoRecipient)?;
    let broken = |source| KeyError::Access { path: "memory".into(), source };
    let mut sealed = Vec::new();
    let armor = age::armor::ArmoredWriter::wrap_output(&mut sealed, age::armor::Format::AsciiArmor).map_err(broken)?;
    let mut writer = encryptor.wrap_output(armor).map_err(broken)?;
    writer.write_all(secret).map_err(broken)?;
    writer.finish().and_then(age::armor::ArmoredWriter::finish).map_err(broken)?;
    Ok(sealed)
}

/// The whole file or nothing, readable by its owner alone.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(access(path))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(access(path))?;
    file.persist(path).map_err(|error| access(path)(error.error))?;
    Ok(())
}

fn access(path: &Path) -> impl Fn(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::Access { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::{HostKeys, KeyError, reveal};
    use ssh_key::{Algorithm, LineEnding, PrivateKey};

    #[test]
    fn a_key_is_made_once_and_opened_by_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let [owner, stranger] = ["owner", "stranger"].map(|name| {
            let key = PrivateKey::random(&mut ssh_key::rand_core::OsRng, Algorithm::Ed25519).unwrap();
            key.write_openssh_file(&dir.path().join(name), LineEnding::LF).unwrap();
            key
        });
        let keys = HostKeys::of(dir.path());
        let recipient = owner.public_key().to_openssh().unwrap();
        let public = keys.ensure("nas", [recipient.as_str()]).unwrap();
        assert!(keys.ensure("nas", []).unwrap().starts_with(&public), "made once");
        let secret = keys.secret("nas", &dir.path().join("owner")).unwrap();
        let opened = PrivateKey::from_openssh(reveal(&secret)).unwrap();
        assert_eq!(opened.public_key().to_openssh().unwrap(), public);
        assert!(matches!(keys.secret("nas", &dir.path().join("stranger")), Err(KeyError::Locked { .. })));
        let sealed = std::fs::read_to_string(dir.path().join("secrets/host-keys/nas.age")).unwrap();
        assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
        drop(stranger);
        // A machine may be known by its public half: it is never made anew behind the user's back.
        std::fs::remove_file(dir.path().join("secrets/host-keys/nas.age")).unwrap();
        let error = keys.ensure("nas", [recipient.as_str()]).unwrap_err();
        assert!(matches!(&error, KeyError::HalfAPair { .. }), "{error}");
        assert!(keys.public("nas").unwrap().starts_with(&public));
    }

    #[test]
    fn who_can_open_a_file_is_seen_without_opening_it() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two] = [0, 1].map(|_| {
            let key = PrivateKey::random(&mut ssh_key::rand_core::OsRng, Algorithm::Ed25519).unwrap();
            key.public_key().to_openssh().unwrap()
        });
        let file = dir.path().join("secrets/token.age");
        super::write_sealed(&file, b"x", [one.as_str()]).unwrap();
        for (case, keys, wanted) in [
            ("the one", vec![one.as_str()], true),
            ("the other", vec![two.as_str()], false),
            ("both", vec![one.as_str(), two.as_str()], false),
            ("a key that age does not know", vec![one.as_str(), "ecdsa-sha2-nistp256 AAAA"], true),
        ] {
            assert_eq!(super::sealed_for(&file, keys).unwrap(), wanted, "{case}");
        }
        assert_eq!(super::strangers(&file, [two.as_str()]).unwrap(), 1);
        super::write_sealed(&file, b"x", [one.as_str(), two.as_str()]).unwrap();
        assert_eq!(super::strangers(&file, [one.as_str(), two.as_str()]).unwrap(), 0);
        assert_eq!(super::strangers(&file, [one.as_str()]).unwrap(), 1);
        assert!(super::sealed_for(&file, [one.as_str(), two.as_str()]).unwrap());
    }

    #[test]
    fn without_a_fitting_key_nothing_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let error = HostKeys::of(dir.path()).ensure("nas", ["ecdsa-sha2-nistp256 AAAA"]).unwrap_err();
        assert!(matches!(error, KeyError::NoRecipient));
        assert!(HostKeys::of(dir.path()).public("nas").is_none());
    }
}
