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
        let typed = "the passphrase that is typed at the console";
        let note = match (&crypt.boot_key, means(crypt).as_slice()) {
            (Some(_), _) => format!("{id}, opened in stage 1."),
            (None, []) => format!("{id}, opened in stage 1 with {typed}."),
            (None, means) => {
                let means: Vec<&str> = means.iter().map(|means| means.told).collect();
                format!("{id}, opened in stage 1 by {}, or with {typed}.", means.join(", by "))
            }
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

/// Something that opens a container beside its key.
struct Means {
    /// In words.
    told: &'static str,
    /// The option of crypttab(5), which finds its token in the header.
    option: &'static str,
}

/// The first that is there and works opens it.
fn means(crypt: &Crypt) -> Vec<Means> {
    let Some(unlock) = &crypt.unlock else { return Vec::new() };
    let tpm2 = unlock.tpm2.as_ref().map(|_| Means { told: "the TPM", option: "tpm2-device=auto" });
    let fido2 = Means { told: "a FIDO2 key that somebody touches", option: "fido2-device=auto" };
    tpm2.into_iter().chain(unlock.fido2.then_some(fido2)).collect()
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
    let options: Vec<&str> = means(crypt).iter().map(|means| means.option).collect();
    if !options.is_empty() {
        set = set.put("crypttabExtraOpts", Expr::texts(options));
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
    options.extend(means(crypt).iter().map(|means| means.option.to_owned()));
    let key = key.map_or("-", |key| key.file.as_str());
    format!("{} UUID={} {key} {}", crypt.name, crypt.uuid, options.join(","))
}
