//! What `sfdisk --json` prints: one disk's partition table.

use super::mbr;
use crate::facts::{Content, FactsError, Partition};
use crate::tree::ATTRIBUTES;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Deserialize)]
struct Dump {
    partitiontable: Table,
}

#[derive(Deserialize)]
struct Table {
    label: String,
    #[serde(default)]
    id: String,
    unit: String,
    firstlba: Option<u64>,
    lastlba: Option<u64>,
    #[serde(default)]
    sectorsize: Option<u64>,
    #[serde(default)]
    partitions: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    node: String,
    start: u64,
    size: u64,
    #[serde(rename = "type")]
    kind: String,
    uuid: Option<Uuid>,
    name: Option<String>,
    #[serde(default)]
    bootable: bool,
    #[serde(default)]
    attrs: String,
}

/// The table of the disk at `path` with `size` bytes and sectors of `sector`, and its partitions by the path of their
/// device. `head` is the disk's beginning, of whose MBR sfdisk does not speak.
pub(super) fn parse(
    text: &str,
    path: &str,
    size: u64,
    sector: u32,
    head: &[u8],
) -> Result<(Content, Vec<(String, Partition)>), FactsError> {
    let garbled = |reason: String| FactsError::Garbled { section: format!("table:{path}"), reason };
    let Dump { partitiontable: table } = serde_json::from_str(text).map_err(|error| garbled(error.to_string()))?;
    if table.unit != "sectors" {
        return Err(garbled(format!("counts in `{}`", table.unit)));
    }
    let sector = table.sectorsize.unwrap_or(u64::from(sector));
    let bytes = |sectors: u64| {
        sectors.checked_mul(sector).ok_or_else(|| garbled(format!("{sectors} sectors are more than any disk has")))
    };
    let gpt = table.label == "gpt";
    // A DOS table counts sectors in 32 bits; the first sector holds the table itself.
    let last = table.lastlba.unwrap_or_else(|| (size / sector.max(1)).min(1 << 32).saturating_sub(1));
    let content = Content::Table {
        uuid: if gpt { Uuid::try_parse(&table.id).ok() } else { None },
        id: table.id.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok()),
        first: bytes(table.firstlba.unwrap_or(1))?,
        end: bytes(last.checked_add(1).ok_or_else(|| garbled(format!("last sector {last}")))?)?,
        label: table.label,
        mbr: if gpt { mbr::hybrid(head, sector) } else { Vec::new() },
    };
    let mut partitions = Vec::new();
    for entry in table.partitions {
        // `/dev/nvme0n1p2`: what stands behind the disk's own path, and a `p` after a digit.
        let behind = entry.node.strip_prefix(path).unwrap_or_default().trim_start_matches('p');
        let number = behind.parse().map_err(|_| garbled(format!("`{}` is no partition of it", entry.node)))?;
        let partition = Partition {
            number,
            start: bytes(entry.start)?,
            size: bytes(entry.size)?,
            kind: entry.kind,
            uuid: entry.uuid,
            name: entry.name.filter(|name| !name.is_empty()),
            bootable: entry.bootable,
            attributes: attributes(&entry.attrs).ok_or_else(|| garbled(format!("attributes `{}`", entry.attrs)))?,
        };
        partitions.push((entry.node, partition));
    }
    Ok((content, partitions))
}

/// Names and numbers of bits, as sfdisk prints them: `RequiredPartition LegacyBIOSBootable GUID:60,63`.
fn attributes(text: &str) -> Option<Vec<u8>> {
    let mut bits = Vec::new();
    for word in text.split_whitespace() {
        match ATTRIBUTES.iter().find(|(_, name)| *name == word) {
            Some((bit, _)) => bits.push(*bit),
            None => {
                for number in word.strip_prefix("GUID:")?.split(',') {
                    bits.push(number.parse().ok().filter(|bit| *bit < 64)?);
                }
            }
        }
    }
    bits.sort_unstable();
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::facts::Content;

    #[test]
    fn numbers_and_bytes() {
        let gpt = r#"{"partitiontable": {"label":"gpt", "id":"11111111-0000-5000-8000-000000000001", "device":"/dev/nvme0n1",
            "unit":"sectors", "firstlba":2048, "lastlba":4095, "sectorsize":512, "partitions": [
            {"node":"/dev/nvme0n1p12", "start":2048, "size":1024, "type":"X", "uuid":"11111111-0000-5000-8000-000000000002",
             "attrs": "RequiredPartition LegacyBIOSBootable GUID:60,63"}]}}"#;
        let (content, partitions) = parse(gpt, "/dev/nvme0n1", 4 << 20, 512, &[]).unwrap();
        assert!(matches!(content, Content::Table { id: None, uuid: Some(_), first: 1_048_576, end: 2_097_152, .. }));
        assert_eq!(partitions[0].1.number, 12);
        assert_eq!((partitions[0].1.start, partitions[0].1.size), (1 << 20, 512 << 10));
        assert_eq!(partitions[0].1.attributes, [0, 2, 60, 63]);
        let dos = r#"{"partitiontable": {"label":"dos", "id":"0x90b442b0", "unit":"sectors", "partitions": []}}"#;
        let (content, _) = parse(dos, "/dev/sda", 4 << 20, 512, &[]).unwrap();
        assert!(matches!(content, Content::Table { id: Some(0x90b4_42b0), uuid: None, end: 4_194_304, .. }));
    }

    #[test]
    fn refuses() {
        let table = |rest: &str| format!(r#"{{"partitiontable": {{"label":"dos", {rest}}}}}"#);
        for (case, text) in [
            ("no JSON", "sfdisk: /dev/sda: does not contain".to_owned()),
            ("other units", table(r#""unit":"cylinders""#)),
            ("endless", table(r#""unit":"sectors", "lastlba": 18446744073709551615"#)),
            (
                "unknown attributes",
                table(
                    r#""unit":"sectors", "partitions":[{"node":"/dev/sda1","start":1,"size":1,"type":"83","attrs":"Odd"}]"#,
                ),
            ),
            ("no number", table(r#""unit":"sectors", "partitions":[{"node":"x","start":1,"size":1,"type":"83"}]"#)),
        ] {
            assert!(parse(&text, "/dev/sda", 1 << 30, 512, &[]).is_err(), "{case}");
        }
    }
}
