//! The header of LUKS: magic, version, and of LUKS2 the JSON behind it (its on-disk format specification, 3.1 and 3.2); and
//! what the machine has to enrol.

use super::sections::Section;
use crate::facts::{Content, Enrol, FactsError, Token};
use serde_json::Value;
use uuid::Uuid;

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
    pub tokens: Option<Vec<Token>>,
}

impl Header {
    fn torn(version: u32) -> Self {
        Self { version, offset: None, keys: None, tokens: None }
    }

    pub fn content(self, uuid: Option<Uuid>, label: Option<String>) -> Content {
        let Self { version, offset, keys, tokens } = self;
        Content::Luks { version, uuid, label, offset, keys, tokens }
    }
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
    let Some(json) = json else { return Some(Header::torn(version)) };
    let segments = json["segments"].as_object();
    // While cryptsetup-reencrypt(8) is at work there are several.
    let offset =
        segments.filter(|all| all.len() == 1).and_then(|all| all.values().next()?["offset"].as_str()?.parse().ok());
    let keys = json["keyslots"].as_object().and_then(|slots| u32::try_from(slots.len()).ok());
    let tokens = json["tokens"].as_object().map(|all| {
        let mut tokens: Vec<Token> = all.iter().filter_map(|(id, value)| token(id, value)).collect();
        tokens.sort_by_key(|token| token.id);
        tokens
    });
    Some(Header { version, offset, keys, tokens })
}

/// A token, in the words of the specification (3.2.3), of systemd's own tokens, and of homehive's.
fn token(id: &str, value: &Value) -> Option<Token> {
    let number = |value: &Value| u32::try_from(value.as_u64()?).ok();
    let slots = value["keyslots"].as_array().into_iter().flatten().filter_map(|slot| slot.as_str()?.parse().ok());
    let pcrs = value["tpm2-pcrs"].as_array().map(|pcrs| {
        let mut pcrs: Vec<u32> = pcrs.iter().filter_map(number).collect();
        pcrs.sort_unstable();
        pcrs
    });
    let says = |word: &str| value[word].as_bool() == Some(true);
    Some(Token {
        id: id.parse().ok()?,
        kind: value["type"].as_str()?.to_owned(),
        slots: slots.collect(),
        pcrs,
        pin: says("tpm2-pin") || says("fido2-clientPin-required"),
        name: value["name"].as_str().filter(|_| value["type"] == Token::KEY).and_then(|name| name.parse().ok()),
    })
}

/// Section `enrol`: what systemd-cryptenroll(1) lists, a device a line that begins with its path, behind the name of its
/// kind. Without it nothing can be enrolled, which is no matter for most machines.
pub(super) fn enrol(section: Result<Section<'_>, FactsError>) -> Option<Enrol> {
    let Section { status: 0, text } = section.ok()? else { return None };
    let lists = |kind: &str| {
        let lines = text.lines().skip_while(|line| *line != kind).skip(1).take_while(|line| !line.starts_with("--"));
        lines.into_iter().any(|line| line.starts_with("/dev/"))
    };
    Some(Enrol { tpm2: lists("--tpm2"), fido2: lists("--fido2") })
}

#[cfg(test)]
mod tests {
    use super::super::sections::Section;
    use super::{HEAD, Header, JSON, enrol, header};
    use crate::facts::{Enrol, Token};
    use proptest::prelude::*;

    fn head(version: u8, json: &str) -> Vec<u8> {
        let mut head = vec![0; HEAD];
        head[..8].copy_from_slice(&[b'L', b'U', b'K', b'S', 0xba, 0xbe, 0, version]);
        head[JSON..JSON + json.len()].copy_from_slice(json.as_bytes());
        head
    }

    #[test]
    fn what_a_header_says() {
        let none = |version| Some(Header::torn(version));
        let whole = r#"{"keyslots":{"0":{},"1":{}},"segments":{"0":{"offset":"16777216","size":"dynamic"}}}"#;
        let moving = r#"{"keyslots":{},"segments":{"0":{"offset":"1"},"1":{"offset":"2"}}}"#;
        for (case, head, expected) in [
            ("no LUKS", vec![0; HEAD], None),
            ("too little", b"LUKS".to_vec(), None),
            ("LUKS1", head(1, ""), none(1)),
            ("torn", head(2, "{\"keyslots\":"), none(2)),
            ("cut off", head(2, "{}")[..600].to_vec(), none(2)),
            ("whole", head(2, whole), Some(Header { version: 2, offset: Some(16 << 20), keys: Some(2), tokens: None })),
            ("being moved", head(2, moving), Some(Header { version: 2, offset: None, keys: Some(0), tokens: None })),
        ] {
            assert_eq!(header(&head), expected, "{case}");
        }
    }

    /// As systemd-cryptenroll 252 wrote it with a software TPM, and cryptsetup 2.6 behind it: the first token's slot was taken
    /// out. The last is of the form that systemd documents for FIDO2 (no device was there).
    const ENROLLED: &str = include_str!("../../tests/fixtures/luks/tokens.json");

    #[test]
    fn what_else_opens_it() {
        let token = |id, kind: &str, slots: &[u32], pcrs: Option<&[u32]>, pin| Token {
            id,
            kind: kind.to_owned(),
            slots: slots.to_vec(),
            pcrs: pcrs.map(<[u32]>::to_vec),
            pin,
            name: None,
        };
        let expected = vec![
            token(0, "systemd-tpm2", &[], Some(&[7]), false),
            token(1, "systemd-tpm2", &[2], Some(&[1, 7]), false),
            token(2, "systemd-fido2", &[3], None, true),
            token(10, "luks2-keyring", &[0], None, false),
        ];
        let header = header(&head(2, ENROLLED)).unwrap();
        assert_eq!((header.keys, header.tokens), (Some(3), Some(expected)));
    }

    /// As addkey.sh writes it; a name in a token of another type is that type's business.
    #[test]
    fn what_a_further_key_is_called() {
        for (kind, name, expected) in [
            ("homehive-key", "recovery", Some("recovery")),
            ("homehive-key", "no name", None),
            ("clevis", "recovery", None),
        ] {
            let json = format!(r#"{{"tokens":{{"3":{{"type":"{kind}","keyslots":["1"],"name":"{name}"}}}}}}"#);
            let tokens = header(&head(2, &json)).unwrap().tokens.unwrap();
            assert_eq!(tokens[0].slots, [1], "{kind} {name}");
            assert_eq!(tokens[0].name.as_ref().map(AsRef::as_ref), expected, "{kind} {name}");
        }
    }

    #[test]
    fn what_can_be_enrolled() {
        let tpm2 = "--tpm2\nPATH        DEVICE      DRIVER\n/dev/tpmrm0 MSFT0101:00 tpm_crb\n";
        let none = "--tpm2\n--fido2\n";
        let fido2 = "--fido2\nPATH         MANUFACTURER PRODUCT\n/dev/hidraw3 Yubico       YubiKey FIDO\n";
        for (case, text, expected) in [
            ("nothing", none, Enrol { tpm2: false, fido2: false }),
            ("a TPM", tpm2, Enrol { tpm2: true, fido2: false }),
            ("a key", fido2, Enrol { tpm2: false, fido2: true }),
            ("both", &[tpm2, fido2].concat(), Enrol { tpm2: true, fido2: true }),
            ("a path of another kind", "/dev/tpmrm0\n--fido2\n", Enrol { tpm2: false, fido2: false }),
        ] {
            assert_eq!(enrol(Ok(Section { status: 0, text })), Some(expected), "{case}");
        }
        assert_eq!(enrol(Ok(Section { status: 127, text: "" })), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..HEAD), json in "[\\[\\]{}\"a-z:,0-9]{0,64}") {
            let _ = (header(&bytes), header(&head(2, &json)));
        }
    }
}
