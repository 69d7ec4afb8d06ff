//! `[admin]`: who may log in.

use crate::{MailAddress, PublicKey, UserName};
use document::{Decode, Kind, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The person who may log in, by key only, and use sudo.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Admin {
    /// The user's name on every machine.
    pub user: UserName,
    /// OpenSSH public keys that may log in, at least one.
    #[schemars(length(min = 1))]
    pub keys: Vec<PublicKey>,
    /// Where the machines' own mail goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailAddress>,
}

impl Decode for Admin {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let user = table.required("user", "name who administers the machines: `user = \"ben\"`", problems);
        let keys =
            table.required("keys", "put the line of ~/.ssh/id_ed25519.pub into a list: `keys = [\"…\"]`", problems);
        let mail = table.optional("mail", problems);
        table.close(problems);
        let Keys(keys) = keys?;
        Some(Self { user: user?, keys, mail })
    }
}

/// At least one key, none twice.
struct Keys(Vec<PublicKey>);

impl Decode for Keys {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        if matches!(&value.kind, Kind::List(values) if values.is_empty()) {
            let help = "put the line of ~/.ssh/id_ed25519.pub here; without a key nobody could log in";
            problems.add(at, "fleet::no_key", "no key may log in", "an empty list", help);
            return None;
        }
        let Kind::List(values) = &value.kind else { return Vec::decode(value, at, problems).map(Self) };
        let mut keys: Vec<PublicKey> = Vec::new();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (index, value) in values.iter().enumerate() {
            let at = at.join(index);
            let Some(key) = PublicKey::decode(value, &at, problems) else { continue };
            if let Some(first) = seen.insert(key.bare(), index) {
                let message = format!("key {} is the same as key {}", index + 1, first + 1);
                problems.add(&at, "fleet::duplicate_key", message, "given twice", "leave one of the two out");
            }
            keys.push(key);
        }
        Some(Self(keys))
    }
}
