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

/// What lies on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Above {
    /// Nothing.
    Nothing,
    /// An array that runs.
    Array,
    /// Something else, such as partitions.
    Other,
}

/// The signature that tells what a device is on which md's own notes stand at the end, and others before: what the array
/// holds shows through its members. Unless the array runs, a table, or several others, may as well be those of a later use.
pub(super) fn shows_through(signatures: &[Signature], above: Above) -> Option<&Signature> {
    let (own, others): (Vec<_>, Vec<_>) = signatures.iter().partition(|it| it.kind == "linux_raid_member");
    let content = |it: &&Signature| !matches!(it.kind.as_str(), "gpt" | "dos" | "PMBR");
    match above {
        Above::Array => own.first().copied(),
        Above::Nothing if others.len() == 1 && others.iter().all(content) => own.first().copied(),
        Above::Nothing | Above::Other => None,
    }
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
    use super::{Above, Signature, parse, shows_through};

    #[test]
    fn a_member_or_what_was_one() {
        for (case, kinds, above, member) in [
            ("a boot partition on a mirror", "vfat linux_raid_member", Above::Nothing, true),
            ("its array runs", "vfat linux_raid_member", Above::Array, true),
            ("it was filled with something else before, and serves", "xfs ext4 linux_raid_member", Above::Array, true),
            ("a table", "linux_raid_member dos", Above::Nothing, false),
            ("a GPT", "gpt linux_raid_member", Above::Nothing, false),
            ("partitions", "vfat linux_raid_member", Above::Other, false),
            ("several", "vfat ext4 linux_raid_member", Above::Nothing, false),
            ("no signature of a member", "vfat ext4", Above::Array, false),
        ] {
            let of = |kind: &str| Signature { kind: kind.to_owned(), uuid: None, label: None };
            let signatures: Vec<_> = kinds.split(' ').map(of).collect();
            let found = shows_through(&signatures, above).map(|it| it.kind.as_str());
            assert_eq!(found, member.then_some("linux_raid_member"), "{case}");
        }
    }

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
