//! disko's LUKS: its key, what opens it at boot, and what lies in it.

use super::attrs::{Attrs, Usual};
use super::content::{Site, content};
use super::finding::Report;
use super::{named, plain};
use crate::tree::{BtrfsMember, Content, Luks, Storage, Tpm2, Unlock};
use crate::{NodeId, Size};
use uuid::Uuid;

/// An option of `boot.initrd.luks.devices` that has no word of ours.
const MODULE: &str =
    "write it in a NixOS module of the machine (`modules`), as an option of `boot.initrd.luks.devices`";

pub(super) fn luks(attrs: &mut Attrs<'_>, site: &Site<'_>, report: &mut Report) -> Option<Content> {
    let Some(given) = attrs.text("name", report) else {
        let message = "this LUKS does not say what it is called when it is open";
        report.left_out(&attrs.place, message, "name it in disko's tree, and import again");
        return None;
    };
    let name = named(&given, &attrs.place.join("name"), report)?;
    let mut luks = Luks::named(name);
    // What disko works out itself when it is evaluated.
    attrs.flag("askPassword", report);
    let password = attrs.text("passwordFile", report);
    let deprecated = attrs.text("keyFile", report);
    settings(&mut luks, attrs, report);
    luks.key_file = luks.boot_key_file.clone().or(password).or(deprecated);
    if let Some(file) = &luks.key_file {
        let message = format!("`{}` is read where homehive runs, not on the machine", file.escape_debug());
        let help = "put the key there, or remove `key_file`: then the passphrase is asked for";
        report.fill_in(&attrs.place, message, help);
    }
    if attrs.raw("initrdUnlock").is_some() && !attrs.flag("initrdUnlock", report) {
        luks.initrd = Some(false);
    }
    further(&mut luks, attrs, report);
    format(&mut luks, attrs, report);
    attrs.leave("extraOpenArgs", &[], "containers are opened in one way", report);
    if let Some(value) = attrs.raw("content") {
        let inner = Site { device: &format!("/dev/mapper/{given}"), parent: site.parent };
        let place = attrs.place.join("content").of(NodeId::crypt(&luks.name));
        luks.content = content(value, place, &inner, report).map(Box::new);
    }
    Some(Content::Luks(luks))
}

/// Further keys, each by the name of its file.
fn further(luks: &mut Luks, attrs: &mut Attrs<'_>, report: &mut Report) {
    let files = attrs.texts("additionalKeyFiles", report);
    let place = attrs.place.join("additionalKeyFiles");
    let unlock = (!files.is_empty()).then(|| luks.unlock.get_or_insert_default());
    let Some(unlock) = unlock else { return };
    for file in files {
        let last = file.rsplit('/').next().unwrap_or_default();
        let stem = last.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("key");
        // It is cut to what a name can hold: the number of one that is taken stands first.
        let numbered = (2..).map(|number| format!("{number}-{stem}"));
        let mut names = std::iter::once(stem.to_owned()).chain(numbered).filter_map(|name| plain(&name));
        let Some(name) = names.find(|name| !unlock.keys.contains_key(name)) else { continue };
        let message =
            format!("the key {name}, `{}`, is read where homehive runs, not on the machine", file.escape_debug());
        let help = "put it there; a newline behind a line of text is no part of it";
        report.fill_in(&place, message, help);
        unlock.keys.insert(name, file);
    }
}

/// The settings, which are those of NixOS.
fn settings(luks: &mut Luks, attrs: &mut Attrs<'_>, report: &mut Report) {
    let Some(value) = attrs.raw("settings") else { return };
    let Some(mut set) = Attrs::open(value, attrs.place.join("settings"), report) else { return };
    luks.allow_discards = set.flag("allowDiscards", report);
    luks.boot_key_file = set.text("keyFile", report);
    let mut bytes = |key, report: &mut Report| {
        let number = set.whole(key, report)?;
        let bytes = u32::try_from(number).ok();
        if bytes.is_none() {
            report.left_out(&set.place.join(key), format!("`{key} = {number}` is no number of bytes"), MODULE);
        }
        bytes
    };
    luks.boot_key_size = bytes("keyFileSize", report);
    luks.boot_key_offset = bytes("keyFileOffset", report);
    // NixOS' stage 1 asks for a passphrase in any case, when there is no key.
    set.leave("fallbackToPassword", &[Usual::Flag(true), Usual::Flag(false)], MODULE, report);
    set.leave("bypassWorkqueues", &[Usual::Flag(false)], MODULE, report);
    unlock(luks, &mut set, report);
    set.close(report);
}

/// What opens it besides, by the options of crypttab(5).
fn unlock(luks: &mut Luks, set: &mut Attrs<'_>, report: &mut Report) {
    let mut found = Unlock::default();
    for option in set.texts("crypttabExtraOpts", report) {
        let place = set.place.join("crypttabExtraOpts");
        match option.as_str() {
            // With a key file, systemd takes that for what the TPM or the FIDO2 key has sealed.
            _ if luks.boot_key_file.is_some() => {
                report.left_out(&place, format!("`{}`, beside a key file", option.escape_debug()), MODULE);
            }
            "tpm2-device=auto" => {
                found.tpm2 = Some(Tpm2::default());
                let message = "what its TPM is bound to does not stand in disko's tree: PCR 7 is taken";
                report.fill_in(&place, message, "write those that `cryptsetup luksDump` shows as `tpm2-hash-pcrs`");
            }
            "fido2-device=auto" => found.fido2 = true,
            other => report.left_out(&place, format!("`{}`, an option of crypttab", other.escape_debug()), MODULE),
        }
    }
    luks.unlock = Some(found).filter(|unlock| !unlock.is_empty());
}

/// Arguments of luksFormat that have a word of their own.
fn format(luks: &mut Luks, attrs: &mut Attrs<'_>, report: &mut Report) {
    let args = attrs.texts("extraFormatArgs", report);
    let words: Vec<&str> =
        args.iter().flat_map(|arg| arg.split(|c: char| c.is_ascii_whitespace() || c == '=')).collect();
    let mut rest = words.as_slice();
    let mut left: Vec<&str> = Vec::new();
    while let [word, after @ ..] = rest {
        let value = after.first().copied();
        let number = value.and_then(|value| value.parse::<u32>().ok()).filter(|number| *number > 0);
        let taken = match (*word, value, number) {
            ("--iter-time" | "-i", _, Some(time)) => {
                luks.pbkdf_time = Some(time);
                true
            }
            ("--pbkdf-memory", _, Some(memory)) => {
                luks.pbkdf_memory = Some(Size(u64::from(memory) << 10));
                true
            }
            ("--uuid", Some(id), _) if Uuid::try_parse(id).is_ok() => {
                luks.uuid = Uuid::try_parse(id).ok();
                true
            }
            // What cryptsetup does anyway.
            ("--pbkdf", Some("argon2id"), _) | ("--type", Some("luks2"), _) => true,
            ("--batch-mode" | "-q" | "", ..) => false,
            _ => {
                left.push(word);
                false
            }
        };
        rest = after.get(usize::from(taken)..).unwrap_or_default();
    }
    if !left.is_empty() {
        let message = format!("arguments of luksFormat have no counterpart: `{}`", left.join(" ").escape_debug());
        let help = "homehive's containers are made in one way; make it by hand to have another";
        report.left_out(&attrs.place.join("extraFormatArgs"), message, help);
    }
}

/// A container with nothing in it that a btrfs names among its devices becomes one of them.
pub(super) fn joined(storage: &mut Storage, device: &str, of: &NodeId) -> bool {
    let disks = storage.disk.values_mut().filter_map(|disk| disk.content.as_mut());
    let arrays = storage.mdadm.values_mut().filter_map(|array| array.content.as_mut());
    let volumes = storage.lvm_vg.values_mut().flat_map(|group| group.lvs.values_mut());
    let volumes = volumes.filter_map(|volume| volume.content.as_mut());
    let mut all: Vec<&mut Content> = disks.chain(arrays).chain(volumes).collect();
    while let Some(content) = all.pop() {
        match content {
            Content::Gpt(table) | Content::Mbr(table) => {
                all.extend(table.partitions.values_mut().filter_map(|partition| partition.content.as_mut()));
            }
            Content::Luks(luks) if device.strip_prefix("/dev/mapper/") == Some(luks.name.as_ref()) => {
                let free = luks.content.is_none();
                if free {
                    luks.content = Some(Box::new(Content::BtrfsMember(BtrfsMember { of: of.clone() })));
                }
                return free;
            }
            Content::Luks(_)
            | Content::Mdraid(_)
            | Content::LvmPv(_)
            | Content::Filesystem(_)
            | Content::Swap(_)
            | Content::Btrfs(_)
            | Content::BtrfsMember(_)
            | Content::Zfs(_) => {}
        }
    }
    false
}
