//! What `btrfs filesystem show --raw`, `subvolume list` and `filesystem df` print (btrfs-progs 5.16 and later).

use crate::facts::{Btrfs, BtrfsDevice, FactsError};
use uuid::Uuid;

/// Every filesystem; `name` knows kernel names by path. A device whose path it does not know counts as missing.
pub(super) fn show(text: &str, name: impl Fn(&str) -> Option<String>) -> Result<Vec<Btrfs>, FactsError> {
    let garbled = |line: &str| FactsError::Garbled { section: "btrfs".into(), reason: format!("`{line}`") };
    let mut found: Vec<Btrfs> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some((_, uuid)) = line.split_once("uuid: ").filter(|_| line.starts_with("Label: ")) {
            let uuid = Uuid::try_parse(uuid.trim()).map_err(|_| garbled(line))?;
            let (devices, subvolumes) = (Vec::new(), None);
            found.push(Btrfs { uuid, devices, missing: 0, subvolumes, data: Vec::new(), metadata: Vec::new() });
        } else if let Some(rest) = line.strip_prefix("Total devices ") {
            let total = rest.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
            let last = found.last_mut().ok_or_else(|| garbled(line))?;
            last.missing = total.ok_or_else(|| garbled(line))?;
        } else if let Some(rest) = line.strip_prefix("devid") {
            let (words, path) = rest.split_once(" path ").ok_or_else(|| garbled(line))?;
            let words: Vec<&str> = words.split_ascii_whitespace().collect();
            let last = found.last_mut().ok_or_else(|| garbled(line))?;
            let [id, "size", size, ..] = words.as_slice() else { return Err(garbled(line)) };
            let (id, size) = id.parse().ok().zip(size.parse().ok()).ok_or_else(|| garbled(line))?;
            if let Some(device) = name(path.trim().trim_end_matches(" MISSING")) {
                last.missing = last.missing.saturating_sub(1);
                last.devices.push(BtrfsDevice { id, device, size });
            }
        }
    }
    Ok(found)
}

/// The paths of all subvolumes that `btrfs subvolume list` prints. It prints those below the subvolume that is mounted where
/// it was asked as seen from there, all others from the top: so each is put together from those that it lies in.
pub(super) fn subvolumes(text: &str) -> Vec<String> {
    // Number, number of the one it lies in, path as printed.
    let lines = text.lines().filter_map(|line| {
        let (words, path) = line.strip_prefix("ID ")?.split_once(" path ")?;
        let words: Vec<&str> = words.split_ascii_whitespace().collect();
        let below = words.iter().position(|word| *word == "level").and_then(|at| words.get(at + 1));
        Some((*words.first()?, *below?, path))
    });
    let lines: Vec<(&str, &str, &str)> = lines.collect();
    let paths = lines.iter().map(|(_, below, path)| {
        let (mut whole, mut here, mut below) = ((*path).to_owned(), *path, *below);
        for _ in 0..lines.len() {
            let Some((_, next, above)) = lines.iter().find(|(id, ..)| *id == below) else { break };
            if !here.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')) {
                whole = format!("{above}/{whole}");
            }
            (here, below) = (*above, *next);
        }
        whole
    });
    paths.collect()
}

/// The profiles of data and of metadata that `btrfs filesystem df` prints, in lower case.
pub(super) fn profiles(text: &str) -> (Vec<String>, Vec<String>) {
    let of = |kind: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(", ")?.split_once(": "));
        lines.map(|(profile, _)| profile.to_ascii_lowercase()).collect()
    };
    (of("Data"), of("Metadata"))
}

#[cfg(test)]
mod tests {
    use super::{profiles, show, subvolumes};

    const SHOWN: &str = "Label: 'pool'  uuid: 11111111-0000-5000-8000-000000000001
\tTotal devices 2 FS bytes used 147456
\tdevid    1 size 268435456 used 81788928 path /dev/sda1
\t*** Some devices missing

Label: none  uuid: 11111111-0000-5000-8000-000000000002
\tTotal devices 1 FS bytes used 147456
\tdevid    1 size 268435456 used 81788928 path /dev/sdb

";

    #[test]
    fn devices_that_are_there_and_that_are_not() {
        let found = show(SHOWN, |path| path.strip_prefix("/dev/").map(str::to_owned)).unwrap();
        let shown: Vec<_> = found.iter().map(|it| (it.devices[0].device.as_str(), it.missing)).collect();
        assert_eq!(shown, [("sda1", 1), ("sdb", 0)]);
        assert!(show("\tdevid 1 size x used 1 path /dev/sda\n", |_| None).is_err());
        assert!(show("", |_| None).unwrap().is_empty());
    }

    #[test]
    fn what_is_in_it() {
        let asked = |from: &str| -> Vec<String> {
            let [b, c] = if from == "a" { ["b", "b/x/c"] } else { ["a/b", "a/b/x/c"] };
            subvolumes(&format!(
                "ID 256 gen 9 top level 5 path a\nID 257 gen 8 top level 256 path {b}\nID 258 gen 8 top level 257 path {c}\nID 259 gen 8 top level 5 path d e\n"
            ))
        };
        for from in ["a", "top"] {
            assert_eq!(asked(from), ["a", "a/b", "a/b/x/c", "d e"], "{from}");
        }
        let df = "Data, RAID1: total=1, used=0\nSystem, RAID1: total=1, used=1\nMetadata, DUP: total=1, used=1\nMetadata, single: total=1, used=0\n";
        assert_eq!(profiles(df), (vec!["raid1".to_owned()], vec!["dup".to_owned(), "single".to_owned()]));
    }
}
