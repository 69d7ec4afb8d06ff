//! LUKS containers in a machine's `hardware-configuration.nix`: those that stage 1 opens, and those that are opened later.

use super::Host;
use crate::syntax::{Expr, Set};
use ::storage::wish::{Crypt, Kind};
use std::fmt::Write as _;

/// Every container, by the UUID of its header.
pub(super) fn containers(host: &Host<'_>) -> Set {
    let all = host.wish.nodes.iter().filter_map(|node| match &node.kind {
        Kind::Crypt(crypt) => Some((node.id.to_string(), crypt)),
        _ => None,
    });
    let (early, late): (Vec<_>, Vec<_>) = all.partition(|(_, crypt)| crypt.initrd);
    let mut set = Set::new();
    for (id, crypt) in &early {
        let note = match &crypt.boot_key {
            Some(_) => format!("{id}, opened in stage 1."),
            None => format!("{id}, opened in stage 1 with the passphrase that is typed at the console."),
        };
        set = set.note(note).put_named("boot.initrd.luks.devices", crypt.name.as_ref(), device(crypt));
    }
    if late.is_empty() {
        return set;
    }
    let lines = late.iter().fold(String::new(), |mut lines, (_, crypt)| {
        let _ = writeln!(lines, "{}", line(crypt));
        lines
    });
    set.note("Opened beside everything else that starts; without it the machine starts all the same.")
        .put("environment.etc.crypttab.text", Expr::Lines(lines))
}

fn device(crypt: &Crypt) -> Set {
    let mut set = Set::new().put("device", format!("/dev/disk/by-uuid/{}", crypt.uuid));
    if crypt.allow_discards {
        set = set.put("allowDiscards", true);
    }
    if let Some(key) = &crypt.boot_key {
        set = set.put("keyFile", key.file.as_str());
        for (option, said) in [("keyFileSize", key.size), ("keyFileOffset", key.offset)] {
            if let Some(bytes) = said {
                set = set.put(option, bytes);
            }
        }
    }
    set
}

/// A line of crypttab(5).
fn line(crypt: &Crypt) -> String {
    let mut options = vec!["luks".to_owned(), "nofail".to_owned()];
    if crypt.allow_discards {
        options.push("discard".to_owned());
    }
    let key = crypt.boot_key.as_ref();
    options.extend(key.and_then(|key| key.size).map(|bytes| format!("keyfile-size={bytes}")));
    options.extend(key.and_then(|key| key.offset).map(|bytes| format!("keyfile-offset={bytes}")));
    let key = key.map_or("-", |key| key.file.as_str());
    format!("{} UUID={} {key} {}", crypt.name, crypt.uuid, options.join(","))
}
