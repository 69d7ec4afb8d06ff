//! The keys of encrypted devices, found when a plan first needs them: in their files, on standard input, or asked for. They
//! are kept for this run alone, in memory.

use crate::failure::Failure;
use crate::hostkeys;
use crate::load::Loaded;
use crate::reach;
use crate::sealing::{self, Answer};
use cmd::{Cmd, Secret};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use storage::plan::{Action, LuksAction, Plan, PoolAction};
use storage::wish::{BootKey, Key};
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
            let makes = matches!(
                step.what,
                Action::Luks(LuksAction::Format { .. })
                    | Action::Pool(PoolAction::Create { .. } | PoolAction::Dataset { .. })
            );
            for cmd in step.commands() {
                self.gather(wish, &cmd, makes)?;
            }
        }
        Ok(())
    }

    /// Finds the keys of one command. A further key that is the container's own is refused: it would be no other way in.
    fn gather(&mut self, wish: &Wish, cmd: &Cmd, makes: bool) -> Result<(), Failure> {
        for node in cmd.key.iter().chain(&cmd.further) {
            let id = NodeId::from(node.as_str());
            let Some(wanted) = wish.keys().into_iter().find(|key| key.node == id) else { continue };
            if !self.known.contains_key(&id) {
                let key = self.find(wish, &wanted, makes)?;
                self.known.insert(id, key);
            }
        }
        let known = |node: &Option<String>| self.known.get(&NodeId::from(node.as_deref()?));
        match (known(&cmd.key), known(&cmd.further), &cmd.key, &cmd.further) {
            (Some(key), Some(other), Some(own), Some(further)) if key == other => Err(Failure::Refused(format!(
                "{further} is the key of {own} itself\n  put another key into its file, or remove it from `unlock.keys`"
            ))),
            _ => Ok(()),
        }
    }

    fn find(&mut self, wish: &Wish, key: &Key<'_>, makes: bool) -> Result<Secret, Failure> {
        let id = &key.node;
        if let Some(file) = key.file {
            return self.read(id, file, key.boot);
        }
        if self.ask {
            return asked(id, makes);
        }
        let all = wish.keys();
        let wanted: Vec<&NodeId> = all.iter().filter(|key| key.file.is_none()).map(|key| &key.node).collect();
        if self.piped.is_none() {
            self.piped = Some(piped()?);
        }
        let lines = self.piped.as_deref().unwrap_or_default();
        let at = wanted.iter().position(|other| *other == id).unwrap_or_default();
        let names = || wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match lines {
            [] => Err(Failure::Refused(format!(
                "the key of {id} is needed, and standard input gives none\n  pipe the passphrase in, run it at a \
                 terminal without --plain and --json, or declare `key_file`"
            ))),
            [one] => Ok(one.clone()),
            all if all.len() == wanted.len() && all[at].reveal().is_empty() => Err(Failure::usage(
                format!("line {} of standard input, the key of {id}, is empty", at + 1),
                format!("write one line for all containers, or one for each: {}", names()),
            )),
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
    fn unseal(&self, id: &NodeId, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let identity = self.identity.clone().map_or_else(hostkeys::identity, Ok);
        let opened = identity.and_then(|identity| hostkeys::open(path, &identity)).map_err(|error| {
            let place = format!("the key of {id}, {}", path.display());
            Failure::failed(place, error, "set it (homehive secrets set), or correct the file's name")
        })?;
        Ok(Zeroizing::new(hostkeys::reveal(&opened).as_bytes().to_vec()))
    }

    /// A key from its file. A passphrase is one line, the newline at whose end is no part of it, unless the machine reads the
    /// same bytes from a file itself: those are cut out of this file as they are cut there.
    fn read(&self, id: &NodeId, file: &str, boot: Option<&BootKey>) -> Result<Secret, Failure> {
        let path = self.dir.join(file);
        let failed = |error: &dyn std::fmt::Display| {
            let place = format!("the key of {id}, {}", path.display());
            Failure::failed(place, error, "put the file there, or correct its name")
        };
        let offset = boot.and_then(|boot| boot.offset).unwrap_or_default();
        let size = boot.and_then(|boot| boot.size).map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let is_sealed = path.extension().is_some_and(|ending| ending == "age");
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(LARGEST).unwrap_or_default() + 1));
        if is_sealed {
            let opened = self.unseal(id, &path)?;
            let skipped = opened.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
            bytes.extend_from_slice(&opened[skipped..]);
        } else {
            let mut open = File::open(&path).map_err(|error| failed(&error))?;
            open.seek(SeekFrom::Start(offset.into())).map_err(|error| failed(&error))?;
            open.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        }
        let key = match size {
            Some(size) if size > bytes.len() => {
                return Err(failed(&format!("it has no {size} bytes (`boot_key_size`) behind the first {offset}")));
            }
            Some(size) => &bytes[..size],
            None if boot.is_some() || is_sealed => &bytes,
            None => passphrase(&bytes),
        };
        if key.len() as u64 > LARGEST {
            return Err(failed(&"it has more than 64 KiB, which is no key"));
        }
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

/// The lines of standard input.
fn piped() -> Result<Vec<Secret>, Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(Vec::new());
    }
    Ok(lines(&sealing::piped()?))
}

/// Its lines, without empty ones at its end.
fn lines(text: &str) -> Vec<Secret> {
    let text = text.trim_end_matches('\n');
    if text.is_empty() { Vec::new() } else { text.split('\n').map(Secret::new).collect() }
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
    let typed = typed.ok_or_else(|| Failure::Refused(format!("{id} was given no passphrase")))?;
    Ok(Secret::new(typed.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Keyring, lines, passphrase};
    use crate::hostkeys::write_sealed;
    use cmd::Cmd;
    use fleet::{Fleet, Format};
    use ssh_key::{Algorithm, LineEnding, PrivateKey};
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::PathBuf;
    use storage::NodeId;
    use storage::wish::BootKey;

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
        fs::write(dir.join("large"), vec![b'x'; (64 << 10) + 1]).unwrap();
        let keyring = Keyring { dir, identity: Some(identity), ask: false, piped: None, known };
        let boot = |offset, size| Some(BootKey { file: "/dev/stick".into(), size, offset });
        let read = |file: &str, boot: Option<BootKey>| {
            keyring.read(&"luks.c".into(), file, boot.as_ref()).map(|key| key.reveal().to_vec())
        };
        for (file, boot, key) in [
            ("c.age", None, "sealed"),
            ("c.age", boot(Some(1), Some(3)), "eal"),
            ("plain", None, "word"),
            ("plain", boot(None, None), "word\n"),
            ("plain", boot(None, Some(4)), "word"),
            ("plain", boot(Some(1), None), "ord\n"),
            ("plain", boot(Some(1), Some(2)), "or"),
            ("large", boot(Some((64 << 10) - 1), Some(2)), "xx"),
        ] {
            assert_eq!(read(file, boot.clone()).unwrap(), key.as_bytes(), "{file} {boot:?}");
        }
        for (wrong, boot) in [
            ("empty", None),
            ("nowhere", None),
            ("nowhere.age", None),
            ("large", None),
            ("plain", boot(Some(2), Some(4))),
            ("plain", boot(Some(9), None)),
            ("c.age", boot(Some(9), Some(1))),
        ] {
            assert!(read(wrong, boot.clone()).unwrap_err().to_string().contains("luks.c"), "{wrong} {boot:?}");
        }
    }

    /// Beside the container of the example.
    const MORE: &str = r#"
[machines.one.storage.disk.other]
serial = "OTHER"
content = { type = "luks", name = "other", key_file = "key", content = { type = "filesystem", format = "ext4", mountpoint = "/b" } }

[machines.one.storage.disk.rest]
serial = "REST"
content = { type = "luks", name = "rest", content = { type = "filesystem", format = "ext4", mountpoint = "/c" } }
"#;

    /// What standard input holds, and what comes of it for two containers that have no `key_file`.
    #[test]
    fn each_container_gets_its_line() {
        let text = include_str!("../../../examples/layouts/luks-btrfs.toml").to_owned() + MORE;
        let fleet = Fleet::parse(&text, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
        let wish = fleet.wish(&"one".parse().unwrap()).unwrap();
        for (input, wanted) in [
            ("one\n", [Ok("one"), Ok("one")]),
            ("one", [Ok("one"), Ok("one")]),
            ("one\n\n", [Ok("one"), Ok("one")]),
            ("one\ntwo\n", [Ok("one"), Ok("two")]),
            (" one \n two", [Ok(" one "), Ok(" two")]),
            ("\ntwo\n", [Err("line 1 of standard input, the key of luks.crypt, is empty"), Ok("two")]),
            ("one\n\nthree\n", [Err("has 3 lines, and 2 containers want a key: luks.crypt, luks.rest"); 2]),
            ("", [Err("standard input gives none"); 2]),
            ("\n", [Err("standard input gives none"); 2]),
        ] {
            let piped = Some(lines(input));
            let (dir, known) = (PathBuf::from("/nowhere"), BTreeMap::new());
            let mut keyring = Keyring { dir, identity: None, ask: false, piped, known };
            for (name, wanted) in ["luks.crypt", "luks.rest"].into_iter().zip(wanted) {
                let id = NodeId::from(name);
                let key = wish.keys().into_iter().find(|key| key.node == id).unwrap();
                let found = keyring.find(&wish, &key, false);
                match (found, wanted) {
                    (Ok(key), Ok(wanted)) => assert_eq!(key.reveal(), wanted.as_bytes(), "{input:?} {name}"),
                    (Err(failure), Err(told)) => assert!(failure.to_string().contains(told), "{input:?}: {failure}"),
                    (found, wanted) => panic!("{input:?} {name}: {found:?}, not {wanted:?}"),
                }
            }
        }
    }

    /// Both keys of a command are found, the second in its file; and told apart.
    #[test]
    fn a_further_key_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let text = include_str!("../../../examples/layouts/luks-btrfs.toml")
            .replace("name = \"crypt\"", "name = \"crypt\"\nunlock = { keys = { recovery = \"recovery\" } }");
        let fleet = Fleet::parse(&text, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
        let wish = fleet.wish(&"one".parse().unwrap()).unwrap();
        let adds = Cmd::new("sh").keys("luks.crypt", "luks.crypt.recovery");
        for (file, told) in [
            (Some("other\n"), None),
            (Some("word\n"), Some("is the key of luks.crypt itself")),
            (None, Some("recovery")),
        ] {
            let path = dir.path().join("recovery");
            file.map_or_else(|| fs::remove_file(&path), |text| fs::write(&path, text)).unwrap();
            let (piped, known) = (Some(lines("word")), BTreeMap::new());
            let mut keyring = Keyring { dir: dir.path().to_owned(), identity: None, ask: false, piped, known };
            match (keyring.gather(&wish, &adds, false), told) {
                (Ok(()), None) => {
                    let found = |node: &str| keyring.keys()[&NodeId::from(node)].reveal().to_vec();
                    assert_eq!(
                        (found("luks.crypt"), found("luks.crypt.recovery")),
                        (b"word".to_vec(), b"other".to_vec())
                    );
                }
                (Err(failure), Some(told)) => assert!(failure.to_string().contains(told), "{failure}"),
                (other, told) => panic!("{other:?}, not {told:?}"),
            }
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
