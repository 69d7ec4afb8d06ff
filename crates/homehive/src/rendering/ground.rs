//! Where the tree lies that Nix is given. Nix copies all that lies there into its store, which everybody on this machine
//! may read: no place for private keys, nor for a lab's disks.

use crate::failure::Failure;
use crate::load::Loaded;
use lab::LabDir;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// How much of a file is read to see whether it is a private key: more than such a file has before the words that tell.
const HEAD: u64 = 4096;

/// The directory of the tree that Nix evaluates: the fleet file's own; in a lab, whose directory holds disks and keys,
/// one of its own below that.
///
/// # Errors
/// A private key lies there, readable for Nix: refused until it lies elsewhere.
pub fn ground(loaded: &Loaded) -> Result<PathBuf, Failure> {
    let dir = loaded.dir();
    if LabDir::at(&dir).is_ok() {
        let below = dir.join("flake");
        fs::create_dir_all(&below).map_err(|error| cannot(&below, &error))?;
        return Ok(below);
    }
    let mut keys = Vec::new();
    find(&dir, &mut keys)?;
    match keys.as_slice() {
        [] => Ok(dir),
        keys => {
            let keys = keys.iter().map(|key| key.display().to_string()).collect::<Vec<_>>().join(", ");
            Err(Failure::Refused(format!(
                "{keys}: a private key, and Nix would copy it into its store, where everybody may read it; nothing was \
                 done\n  move it out of {}, then the same command again",
                dir.display()
            )))
        }
    }
}

/// Every private key below a directory; links are not followed, as Nix does not follow them.
fn find(dir: &Path, keys: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let entries = fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in entries.map_err(|error| cannot(dir, &error))? {
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| cannot(&path, &error))?;
        if kind.is_dir() {
            find(&path, keys)?;
        } else if kind.is_file() && is_key(&path).map_err(|error| cannot(&path, &error))? {
            keys.push(path);
        }
    }
    keys.sort();
    Ok(())
}

/// Does the file begin like a private key of OpenSSH or OpenSSL, or hold an identity of age?
fn is_key(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    fs::File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    let head = String::from_utf8_lossy(&head);
    let pem = head
        .trim_start()
        .lines()
        .next()
        .is_some_and(|line| line.starts_with("-----BEGIN ") && line.trim_end().ends_with("PRIVATE KEY-----"));
    Ok(pem || head.lines().any(|line| line.starts_with("AGE-SECRET-KEY-1")))
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::is_key;
    use std::fs;

    #[test]
    fn private_keys_are_recognised() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        for (text, key) in [
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n", true),
            ("-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n", true),
            ("# created: 2026-01-01\n# public key: age1x\nAGE-SECRET-KEY-1QQ\n", true),
            ("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n", false),
            ("-----BEGIN PUBLIC KEY-----\n", false),
            ("keys = [\"ssh-ed25519 AAAA ben\"]\n", false),
            ("", false),
        ] {
            fs::write(&file, text).unwrap();
            assert_eq!(is_key(&file).unwrap(), key, "{text}");
        }
    }
}
