//! The header of LUKS: magic, version, and of LUKS2 the JSON behind it (its on-disk format specification, 3.1 and 3.2).

use serde_json::Value;

/// How much of each device the script prints: the binary header and the smallest area of JSON.
pub(super) const HEAD: usize = 16384;
/// Where the JSON begins.
const JSON: usize = 4096;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub version: u32,
    pub offset: Option<u64>,
    pub keys: Option<u32>,
}

/// The header at the beginning of a device. One that was torn says less; cryptsetup has a second one, and mends the first.
pub(super) fn header(head: &[u8]) -> Option<Header> {
    let version = match head.get(..8)? {
        [b'L', b'U', b'K', b'S', 0xba, 0xbe, high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        _ => return None,
    };
    let json = head.get(JSON..).filter(|_| version == 2).and_then(|area| {
        let end = area.iter().position(|byte| *byte == 0)?;
        serde_json::from_slice::<Value>(&area[..end]).ok()
    });
    let Some(json) = json else { return Some(Header { version, offset: None, keys: None }) };
    let segments = json["segments"].as_object();
    // While cryptsetup-reencrypt(8) is at work there are several.
    let offset =
        segments.filter(|all| all.len() == 1).and_then(|all| all.values().next()?["offset"].as_str()?.parse().ok());
    let keys = json["keyslots"].as_object().and_then(|slots| u32::try_from(slots.len()).ok());
    Some(Header { version, offset, keys })
}

#[cfg(test)]
mod tests {
    use super::{HEAD, Header, JSON, header};
    use proptest::prelude::*;

    fn head(version: u8, json: &str) -> Vec<u8> {
        let mut head = vec![0; HEAD];
        head[..8].copy_from_slice(&[b'L', b'U', b'K', b'S', 0xba, 0xbe, 0, version]);
        head[JSON..JSON + json.len()].copy_from_slice(json.as_bytes());
        head
    }

    #[test]
    fn what_a_header_says() {
        let none = |version| Some(Header { version, offset: None, keys: None });
        let whole = r#"{"keyslots":{"0":{},"1":{}},"segments":{"0":{"offset":"16777216","size":"dynamic"}}}"#;
        let moving = r#"{"keyslots":{},"segments":{"0":{"offset":"1"},"1":{"offset":"2"}}}"#;
        for (case, head, expected) in [
            ("no LUKS", vec![0; HEAD], None),
            ("too little", b"LUKS".to_vec(), None),
            ("LUKS1", head(1, ""), none(1)),
            ("torn", head(2, "{\"keyslots\":"), none(2)),
            ("cut off", head(2, "{}")[..600].to_vec(), none(2)),
            ("whole", head(2, whole), Some(Header { version: 2, offset: Some(16 << 20), keys: Some(2) })),
            ("being moved", head(2, moving), Some(Header { version: 2, offset: None, keys: Some(0) })),
        ] {
            assert_eq!(header(&head), expected, "{case}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..HEAD), json in "[\\[\\]{}\"a-z:,0-9]{0,64}") {
            let _ = (header(&bytes), header(&head(2, &json)));
        }
    }
}
