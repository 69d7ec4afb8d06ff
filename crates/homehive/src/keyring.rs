//! The keys of encrypted devices, found when a plan first needs them: in their files, on standard input, or asked for. They
//! are kept for this run alone, in memory.

use crate::failure::Failure;
use crate::hostkeys;
use crate::load::Loaded;
use crate::reach;
use crate::sealing::{self, Answer};
use cmd::Secret;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use storage::plan::{Action, LuksAction, Plan};
use storage::wish::{Crypt, Kind};
use storage::{NodeId, Wish};
use zeroize::Zeroizing;

/// More than this is no key: cryptsetup(8) itself reads up to 8 MiB, of which nobody has need.
const LARGEST: u64 = 64 << 10;

/// The keys of one machine.
#[derive(Debug)]
pub struct Keyring {
    /// Where the fleet file lies.
    dir: PathBuf,
    /// The admin's private key, where the fleet has one of its own.
    identity: Option<PathBuf>,
    /// Can anybody be asked?
    ask: bool,
    /// The lines of standard input, once it has been read.
    piped: Option<Vec<Secret>>,
    known: BTreeMap<NodeId, Secret>,
}

impl Keyring {
    /// Nothing is read or asked yet.
    pub fn new(loaded: &Loaded, ask: bool) -> Self {
        Self { dir: loaded.dir(), identity: reach::identity(loaded), ask, piped: None, known: BTreeMap::new() }
    }

    /// The keys that have been found.
    pub fn keys(&self) -> &BTreeMap<NodeId, Secret> {
        &self.known
    }

    /// Finds the keys that the commands of this plan ask for.
    pub fn fill(&mut self, wish: &Wish, plan: &Plan) -> Result<(), Failure> {
        for step in &plan.steps {
            let makes = matches!(step.what, Action::Luks(LuksAction::Format { .. }));
            for node in step.commands().into_iter().filter_map(|cmd| cmd.key) {
                let id = NodeId::from(node.as_str());
                let Some(Kind::Crypt(crypt)) = wish.node(&id).map(|node| &node.kind) else { continue };
                if !self.known.contains_key(&id) {
                    let key = self.find(wish, &id, crypt, makes)?;
                    self.known.insert(id, key);
                }
            }
        }
        Ok(())
    }

    fn find(&mut self, wish: &Wish, id: &NodeId, crypt: &Crypt, makes: bool) -> Result<Secret, Failure> {
        if let Some(file) = &crypt.key_file {
            return self.read(id, file, crypt.boot_key.is_some());
        }
        if self.ask {
            return asked(id, makes);
        }
        let wanted: Vec<&NodeId> = wish
            .nodes
            .iter()
            .filter(|node| matches!(&node.kind, Kind::Crypt(crypt) if crypt.key_file.is_none()))
            .map(|node| &node.id)
            .collect();
        if self.piped.is_none() {
            self.piped = Some(piped()?);
        }
        let lines = self.piped.as_deref().unwrap_or_default();
        let at = wanted.iter().position(|other| *other == id).unwrap_or_default();
        let names = || wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match lines {
            [] => Err(Failure::Refused(format!(
                "the key of {id} is needed, and standard input gives none; nothing was done\n  pipe the passphrase in, run it \
                 at a terminal, or declare `key_file`"
            ))),
            [one] => Ok(one.clone()),
            all if all.len() == wanted.len() => Ok(all[at].clone()),
            all => Err(Failure::usage(
                format!(
                    "standard input has {} lines, and {} containers want a key: {}",
                    all.len(),
                    wanted.len(),
                    names()
                ),
                "write one line for all of them, or one for each, in this order",
            )),
        }
    }

    /// A key that is sealed for the admin, among the fleet's secrets.
    fn unseal(&self, id: &NodeId, path: &std::path::Path) -> Result<Secret, Failure> {
        let identity = self.identity.clone().map_or_else(hostkeys::identity, Ok);
        let opened = identity.and_then(|identity| hostkeys::open(path, &identity)).map_err(|error| {
            let place = format!("the key of {id}, {}", path.display());
            Failure::failed(place, error, "set it (homehive secrets set), or correct `key_file`")
        })?;
        Ok(Secret::new(hostkeys::reveal(&opened).as_bytes()))
    }

    /// A key from its file. A passphrase is one line, the newline at whose end is no part of it, unless the machine reads the
    /// same bytes from a file itself.
    fn read(&self, id: &NodeId, file: &str, exact: bool) -> Result<Secret, Failure> {
        let path = self.dir.join(file);
        if path.extension().is_some_and(|ending| ending == "age") {
            return self.unseal(id, &path);
        }
        let failed = |error: &dyn std::fmt::Display| {
            let place = format!("the key of {id}, {}", path.display());
            Failure::failed(place, error, "put the file there, or correct `key_file`")
        };
        let open = std::fs::File::open(&path).map_err(|error| failed(&error))?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(LARGEST).unwrap_or_default() + 1));
        open.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() as u64 > LARGEST {
            return Err(failed(&"it has more than 64 KiB, which is no key"));
        }
        let key = if exact { bytes.as_slice() } else { passphrase(&bytes) };
        if key.is_empty() { Err(failed(&"it is empty")) } else { Ok(Secret::new(key)) }
    }
}

/// One line of text without the newline at its end; anything else as it is.
fn passphrase(bytes: &[u8]) -> &[u8] {
    match bytes.strip_suffix(b"\n") {
        Some(line) if std::str::from_utf8(line).is_ok() && !line.contains(&b'\n') => line,
        _ => bytes,
    }
}

/// The lines of standard input, without empty ones at its end.
fn piped() -> Result<Vec<Secret>, Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(Vec::new());
    }
    let text = sealing::piped()?;
    Ok(text.trim_end_matches('\n').split('\n').filter(|line| !line.is_empty()).map(Secret::new).collect())
}

fn asked(id: &NodeId, makes: bool) -> Result<Secret, Failure> {
    let typed = if makes {
        match sealing::ask(&format!("new passphrase of {id}"))? {
            Answer::Typed(text) => Some(text),
            Answer::Nothing => None,
        }
    } else {
        Some(sealing::ask_once(&format!("passphrase of {id}"))?).filter(|text| !text.is_empty())
    };
    let typed = typed.ok_or_else(|| Failure::Refused(format!("{id} was given no passphrase; nothing was done")))?;
    Ok(Secret::new(typed.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Keyring, passphrase};
    use crate::hostkeys::write_sealed;
    use ssh_key::{Algorithm, LineEnding, PrivateKey};
    use std::collections::BTreeMap;
    use std::fs;

    #[test]
    fn a_key_from_its_file_sealed_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let identity = dir.path().join("identity");
        let key = PrivateKey::random(&mut ssh_key::rand_core::OsRng, Algorithm::Ed25519).unwrap();
        fs::write(&identity, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
        write_sealed(&dir.path().join("c.age"), b"sealed", [key.public_key().to_openssh().unwrap().as_str()]).unwrap();
        fs::write(dir.path().join("plain"), "word\n").unwrap();
        fs::write(dir.path().join("empty"), "\n").unwrap();
        let (dir, known) = (dir.path().to_owned(), BTreeMap::new());
        let keyring = Keyring { dir, identity: Some(identity), ask: false, piped: None, known };
        let read = |file: &str, exact| keyring.read(&"luks.c".into(), file, exact).map(|key| key.reveal().to_vec());
        assert_eq!(read("c.age", false).unwrap(), b"sealed");
        assert_eq!(read("plain", false).unwrap(), b"word");
        assert_eq!(read("plain", true).unwrap(), b"word\n");
        for wrong in ["empty", "nowhere", "nowhere.age"] {
            assert!(read(wrong, false).unwrap_err().to_string().contains("luks.c"), "{wrong}");
        }
    }

    #[test]
    fn newlines_at_the_end() {
        for (bytes, key) in [
            (&b"word\n"[..], &b"word"[..]),
            (b"word", b"word"),
            (b"two\nlines\n", b"two\nlines\n"),
            (b"\xff\xfe\n", b"\xff\xfe\n"),
            (b"\n", b""),
            (b"", b""),
        ] {
            assert_eq!(passphrase(bytes), key, "{bytes:?}");
        }
    }
}
