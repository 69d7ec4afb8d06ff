//! LUKS: names, keys, and what is opened when.

use super::holder::{Holder, Kind, Tree};
use crate::Size;
use crate::tree::{Content, Luks};
use document::{Path, Problems};
use std::collections::BTreeMap;

/// What cryptsetup(8) takes for headers and keys, if nothing else is said.
pub(super) const HEADER: u64 = 16 << 20;
/// The least memory that argon2 is run with, and the most (cryptsetup(8), `--pbkdf-memory`).
const MEMORY: std::ops::RangeInclusive<u64> = 32 << 10..=4 << 30;
/// How many milliseconds trying a key may take. A step that makes a container has 300 s, on a machine much slower than the
/// one that measured.
const TIME: std::ops::RangeInclusive<u32> = 1..=30_000;

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    let mut names: BTreeMap<&str, &Holder<'_>> = BTreeMap::new();
    for holder in &tree.holders {
        let Kind::Crypt(luks) = holder.kind else { continue };
        let other = names.insert(luks.name.as_ref(), holder);
        let why = if other.is_some() {
            Some("two containers have this name".to_owned())
        } else if ["control", crate::plan::BEGUN].contains(&luks.name.as_ref()) {
            Some("this name means something else".to_owned())
        } else {
            let volume =
                |holder: &&Holder<'_>| matches!(holder.kind, Kind::Volume(_)) && mapped(holder) == luks.name.as_ref();
            tree.holders.iter().find(volume).map(|volume| format!("device mapper calls `{}` so", volume.id))
        };
        if let Some(why) = why {
            let message = format!("a container cannot be called `{}`: {why}", luks.name);
            problems.add(&holder.at.join("name"), "storage::luks_name", message, "not this name", "take another name");
        }
        if let Some(Content::Luks(_)) = holder.content {
            let message = format!("`{}` is encrypted already", holder.id);
            let help = "hold the content in the outer container";
            problems.add(&holder.content_at().join("type"), "storage::luks_in_luks", message, "encrypted twice", help);
        }
        keys(luks, &holder.at, problems);
        unlock(luks, &holder.at, problems);
        room(tree, luks, holder, problems);
    }
}

/// What device mapper calls a logical volume.
fn mapped(volume: &Holder<'_>) -> String {
    let mut words = volume.id.as_str().split('.').skip(1).map(|word| word.replace('-', "--"));
    [words.next().unwrap_or_default(), words.next().unwrap_or_default()].join("-")
}

fn keys(luks: &Luks, at: &Path, problems: &mut Problems) {
    if luks.key_file.as_ref().is_some_and(String::is_empty) {
        let help = "name a file, or remove the line: then the passphrase is asked for";
        problems.add(&at.join("key_file"), "storage::luks_key", "no file has an empty name", "empty", help);
    }
    let plain = |path: &String| path.starts_with('/') && !path.contains(|c: char| c.is_whitespace() || c.is_control());
    if luks.boot_key_file.as_ref().is_some_and(|path| !plain(path)) {
        let message = format!("`{}` gets its key from no path of the machine", luks.name);
        let help = "write a path that begins with `/`, without blanks";
        problems.add(&at.join("boot_key_file"), "storage::luks_key", message, "no such path", help);
    }
    for (key, said) in [("boot_key_size", luks.boot_key_size), ("boot_key_offset", luks.boot_key_offset)] {
        if said.is_some() && luks.boot_key_file.is_none() {
            let message = format!("`{}` has no `boot_key_file` of which `{key}` could be said", luks.name);
            problems.add(&at.join(key), "storage::luks_key", message, "of no use", format!("remove `{key}`"));
        }
    }
    if luks.boot_key_size == Some(0) {
        let help = "write how many bytes the key has, or remove the line";
        problems.add(&at.join("boot_key_size"), "storage::luks_key", "a key of no bytes", "no key", help);
    }
    if let Some(memory) = luks.pbkdf_memory.filter(|memory| !MEMORY.contains(&memory.0)) {
        let message = format!("trying a key cannot take {memory} of memory");
        let help = "write 32KiB to 4GiB, or remove the line";
        problems.add(&at.join("pbkdf_memory"), "storage::luks_pbkdf", message, "out of reach", help);
    }
    if let Some(time) = luks.pbkdf_time.filter(|time| !TIME.contains(time)) {
        let message = format!("trying a key cannot take {time} ms");
        let help = "write 1 to 30000 milliseconds, or remove the line";
        problems.add(&at.join("pbkdf_time"), "storage::luks_pbkdf", message, "out of reach", help);
    }
}

/// The registers that a TPM2 has (PC Client Platform TPM Profile, 4.6.1).
const PCRS: std::ops::Range<u32> = 0..24;

fn unlock(luks: &Luks, at: &Path, problems: &mut Problems) {
    let Some(unlock) = &luks.unlock else { return };
    let at = at.join("unlock");
    if luks.boot_key_file.is_some() && (unlock.tpm2.is_some() || unlock.fido2) {
        // systemd would take the file for a key that the TPM or the FIDO2 key has sealed (crypttab(5)).
        let message = format!("`{}` would be opened by `boot_key_file` and by `unlock`", luks.name);
        let help = "remove one of them: the key opens it in any case, typed at the console";
        problems.add(&at, "storage::luks_unlock", message, "one of two", help);
    }
    for (place, (name, file)) in unlock.keys.iter().enumerate() {
        let before = || unlock.keys.iter().take(place).find(|(_, other)| *other == file);
        let (message, help) = if file.is_empty() {
            ("no file has an empty name".to_owned(), "name a file, or remove the line")
        } else if luks.key_file.as_ref() == Some(file) {
            (
                format!("`{name}` is the key of `{}` itself", luks.name),
                "name the file of another key, or remove the line",
            )
        } else if let Some((other, _)) = before() {
            (format!("`{name}` and `{other}` are one key"), "name the file of another key, or remove one of them")
        } else {
            continue;
        };
        let at = at.join("keys").join(name.as_ref());
        problems.add(&at, "storage::luks_key", message, "no further key", help);
    }
    let Some(tpm2) = &unlock.tpm2 else { return };
    let at = at.join("tpm2").join("pcrs");
    for (place, pcr) in tpm2.pcrs.iter().enumerate() {
        let (message, label) = if !PCRS.contains(pcr) {
            (format!("a TPM has no register {pcr}"), "no such register")
        } else if tpm2.pcrs[..place].contains(pcr) {
            (format!("register {pcr} is named twice"), "named twice")
        } else {
            continue;
        };
        problems.add(&at.join(place), "storage::luks_pcrs", message, label, "name registers from 0 to 23, each once");
    }
}

fn room(tree: &Tree<'_>, luks: &Luks, holder: &Holder<'_>, problems: &mut Problems) {
    // Its own size is what its device has less the headers.
    let below =
        tree.holders.iter().find(|below| matches!(below.content, Some(Content::Luks(it)) if std::ptr::eq(it, luks)));
    let Some(size) = below.and_then(|below| below.size).filter(|size| *size < 2 * HEADER) else { return };
    let id = below.map_or(&holder.id, |below| &below.id);
    let message = format!("`{id}` has {}, and LUKS needs {}", Size(size), Size(2 * HEADER));
    problems.add(&holder.at, "storage::too_small", message, "too small", "make it larger");
}
