//! What `lsblk --json --bytes --list` prints: the kernel's block devices.

use crate::facts::{DeviceKind, FactsError};
use serde_json::Value;

/// A line of lsblk.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub name: String,
    pub path: String,
    pub kind: DeviceKind,
    pub size: u64,
    pub sector: u32,
    pub serial: Option<String>,
    pub wwn: Option<String>,
    pub model: Option<String>,
    pub transport: Option<String>,
    pub removable: bool,
    pub rotational: bool,
    pub read_only: bool,
    pub parent: Option<String>,
    pub number: String,
}

/// The devices in the kernel's order, without those that hold no data of their own.
pub(super) fn parse(text: &str) -> Result<Vec<Row>, FactsError> {
    let garbled = |reason: String| FactsError::Garbled { section: "lsblk".into(), reason };
    let value: Value = serde_json::from_str(text).map_err(|error| garbled(error.to_string()))?;
    let rows = value["blockdevices"].as_array().ok_or_else(|| garbled("no `blockdevices`".into()))?;
    let mut found: Vec<Row> = Vec::new();
    for row in rows {
        let need = |key: &str| text_of(&row[key]).ok_or_else(|| garbled(format!("a device without `{key}`")));
        let name = need("kname")?;
        let size = number_of(&row["size"]).ok_or_else(|| garbled(format!("`{name}` has no size")))?;
        let kind = need("type")?;
        let passing = ["loop", "ram", "zram", "sr", "fd", "mtd", "nbd"].iter().any(|start| {
            name.strip_prefix(start).is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
        });
        // `lsblk --list` shows a device once for each device it lies on in some versions.
        if passing || size == 0 || found.iter().any(|known| known.name == name) {
            continue;
        }
        found.push(Row {
            path: need("path")?,
            kind: match kind.as_str() {
                "disk"
                    if name.strip_prefix("zd").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) =>
                {
                    DeviceKind::Zvol
                }
                "disk" => DeviceKind::Disk,
                "part" => DeviceKind::Partition,
                "lvm" => DeviceKind::Volume,
                "crypt" => DeviceKind::Crypt,
                "md" | "linear" => DeviceKind::Array,
                raid if raid.starts_with("raid") => DeviceKind::Array,
                _ => DeviceKind::Other,
            },
            size,
            sector: number_of(&row["log-sec"]).and_then(|sector| u32::try_from(sector).ok()).unwrap_or(512),
            serial: text_of(&row["serial"]),
            wwn: text_of(&row["wwn"]),
            model: text_of(&row["model"]),
            transport: text_of(&row["tran"]),
            removable: truth_of(&row["rm"]),
            rotational: truth_of(&row["rota"]),
            read_only: truth_of(&row["ro"]),
            parent: text_of(&row["pkname"]),
            number: text_of(&row["maj:min"]).unwrap_or_default(),
            name,
        });
    }
    Ok(found)
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Numbers and truths are text in the JSON of util-linux before 2.33.
fn number_of(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn truth_of(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str() == Some("1"))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::facts::DeviceKind;

    #[test]
    fn reads_old_and_new_forms() {
        let rows = parse(
            r#"{"blockdevices": [
            {"kname":"loop0", "path":"/dev/loop0", "type":"loop", "size":1},
            {"kname":"sda", "path":"/dev/sda", "type":"disk", "size":"1024", "log-sec":"4096", "rm":"1", "serial":"  A1 "},
            {"kname":"md0", "path":"/dev/md0", "type":"raid6", "size":512, "log-sec":512, "rm":false},
            {"kname":"md0", "path":"/dev/md0", "type":"raid6", "size":512}]}"#,
        )
        .unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].size, rows[0].sector, rows[0].removable), (1024, 4096, true));
        assert_eq!(rows[0].serial.as_deref(), Some("A1"));
        assert_eq!((rows[1].kind, rows[1].removable), (DeviceKind::Array, false));
    }

    #[test]
    fn refuses() {
        for (case, text) in [
            ("no JSON", "lsblk: unknown column"),
            ("no list", "{}"),
            ("no name", r#"{"blockdevices": [{}]}"#),
            ("no size", r#"{"blockdevices": [{"kname":"sda"}]}"#),
        ] {
            assert!(parse(text).is_err(), "{case}");
        }
    }
}
