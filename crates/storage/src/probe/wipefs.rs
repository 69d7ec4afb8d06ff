//! What `wipefs --json` prints: every signature that libblkid finds, several a device if there are several.

use crate::facts::FactsError;
use serde_json::Value;
use std::collections::BTreeMap;

/// One kind of signature on a device, however often it is written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub kind: String,
    pub uuid: Option<String>,
    pub label: Option<String>,
}

/// Signatures by kernel name. The protective MBR before a GPT is part of the GPT.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Vec<Signature>>, FactsError> {
    let garbled = |reason: &str| FactsError::Garbled { section: "signatures".into(), reason: reason.into() };
    let mut found: BTreeMap<String, Vec<Signature>> = BTreeMap::new();
    // With nothing at all found, wipefs prints nothing; asked device by device, it prints one report each.
    for report in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let report = report.map_err(|error| garbled(&error.to_string()))?;
        for row in report["signatures"].as_array().ok_or_else(|| garbled("no `signatures`"))? {
            let name = row["device"].as_str().ok_or_else(|| garbled("a signature without device"))?;
            let kind = row["type"].as_str().ok_or_else(|| garbled("a signature without type"))?;
            let own = |key: &str| row[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            let known = found.entry(name.to_owned()).or_default();
            match known.iter_mut().find(|signature| signature.kind == kind) {
                Some(signature) => {
                    signature.uuid = signature.uuid.take().or_else(|| own("uuid"));
                    signature.label = signature.label.take().or_else(|| own("label"));
                }
                None => known.push(Signature { kind: kind.to_owned(), uuid: own("uuid"), label: own("label") }),
            }
        }
    }
    for known in found.values_mut() {
        if known.iter().any(|signature| signature.kind == "gpt") {
            known.retain(|signature| signature.kind != "PMBR");
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn kinds_a_device() {
        for (case, rows, kinds) in [
            (
                "gpt",
                r#"{"device":"sda","type":"gpt"},{"device":"sda","type":"gpt"},{"device":"sda","type":"PMBR"}"#,
                "gpt",
            ),
            ("vfat", r#"{"device":"sda","type":"vfat"},{"device":"sda","type":"vfat","uuid":"A-B"}"#, "vfat"),
            ("two", r#"{"device":"sda","type":"xfs"},{"device":"sda","type":"ext4"}"#, "xfs ext4"),
            ("lone PMBR", r#"{"device":"sda","type":"PMBR"}"#, "PMBR"),
        ] {
            let found = parse(&format!(r#"{{"signatures":[{rows}]}}"#)).unwrap();
            let found: Vec<_> = found["sda"].iter().map(|signature| signature.kind.as_str()).collect();
            assert_eq!(found.join(" "), kinds, "{case}");
        }
        let one = |name: &str| format!(r#"{{"signatures":[{{"device":"{name}","type":"xfs"}}]}}"#);
        assert_eq!(parse(&format!("\n{}\n{}\n", one("sda"), one("sdb"))).unwrap().len(), 2);
        assert!(parse("\n").unwrap().is_empty());
        assert!(parse("wipefs: error").is_err());
        assert!(parse(r#"{"signatures":[{"device":"sda"}]}"#).is_err());
    }
}
