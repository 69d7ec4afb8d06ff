//! LUKS: a device that is read and written through a key, and what lies within.

use super::{Content, Unlock, table::Id};
use crate::{Name, Size};
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// An encrypted device (LUKS2). Opened, it is a device of its own, the node `luks.NAME`, which holds the content.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Luks {
    /// What the opened device is called: `/dev/mapper/NAME`, node `luks.NAME`.
    pub name: Name,
    /// A file with the key, on the machine where homehive runs; a path that does not begin with `/` goes from the fleet
    /// file. `secrets/NAME.age` is one of the fleet's secrets, sealed for the admin alone. If absent, the passphrase is asked for, or read from standard input, whenever it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// A file or device that holds the key on the machine itself, where it is read when the machine boots; if absent,
    /// somebody types the passphrase at its console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_key_file: Option<String>,
    /// How many bytes of `boot_key_file` are the key; all of it if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_key_size: Option<u32>,
    /// How many bytes of `boot_key_file` stand before the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_key_offset: Option<u32>,
    /// What else opens it: the machine's TPM, a FIDO2 key, further keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlock: Option<Unlock>,
    /// Is it opened in stage 1 (the default), or only later, beside everything else that starts?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initrd: Option<bool>,
    /// Let the disk know what is free: faster on SSDs, and it shows how much is used.
    #[serde(default)]
    pub allow_discards: bool,
    /// How much memory it takes to try a key; what cryptsetup(8) finds right for the machine if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pbkdf_memory: Option<Size>,
    /// How many milliseconds it takes to try a key on the machine that makes it; 2000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pbkdf_time: Option<u32>,
    /// Adopt a container with this identity instead of the derived one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// What the opened device holds; left alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Box<Content>>,
}

impl Luks {
    /// One of this name of which nothing else is said.
    pub fn named(name: Name) -> Self {
        Self {
            name,
            key_file: None,
            boot_key_file: None,
            boot_key_size: None,
            boot_key_offset: None,
            unlock: None,
            initrd: None,
            allow_discards: false,
            pbkdf_memory: None,
            pbkdf_time: None,
            uuid: None,
            content: None,
        }
    }
}

impl Decode for Luks {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        table.raw("type");
        let Some(name) = table.required("name", "name the opened device: `name = \"crypt\"`, for example", problems)
        else {
            // What stands within is looked at all the same.
            table.optional::<Content>("content", problems);
            return None;
        };
        let it = Self {
            key_file: table.optional("key_file", problems),
            boot_key_file: table.optional("boot_key_file", problems),
            boot_key_size: table.optional("boot_key_size", problems),
            boot_key_offset: table.optional("boot_key_offset", problems),
            unlock: table.optional("unlock", problems),
            initrd: table.optional("initrd", problems),
            allow_discards: table.or_default("allow_discards", problems),
            pbkdf_memory: table.optional("pbkdf_memory", problems),
            pbkdf_time: table.optional("pbkdf_time", problems),
            uuid: table.optional("uuid", problems).map(|Id(uuid)| uuid),
            content: table.optional("content", problems).map(Box::new),
            name,
        };
        table.close(problems);
        Some(it)
    }
}
