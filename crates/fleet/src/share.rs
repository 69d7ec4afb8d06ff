//! `[shares.NAME]`: one Samba share.

use crate::net::Address;
use crate::{HostName, UserName, text};
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::net::Ipv4Addr;
use storage::Size;

/// One Samba share, found by Macs and others as `<name>-samba.local`, or as `network.share_names` says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Share {
    /// The machine whose disks hold it.
    pub machine: HostName,
    /// What it is for; plain storage if absent.
    #[serde(default)]
    pub kind: ShareKind,
    /// The most it may hold; only its volume limits plain storage if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Who may use it; the admin if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserName>,
    /// The mount point of the volume that it lies on; `/data` if absent.
    #[serde(default = "data")]
    pub volume: String,
    /// Its address, out of the balancer's; the next free one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
}

fn data() -> String {
    "/data".to_owned()
}

/// What a share is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShareKind {
    /// Files.
    #[default]
    Storage,
    /// Backups of Macs.
    TimeMachine,
}

impl ShareKind {
    const WORDS: [(&str, Self); 2] = [("storage", Self::Storage), ("time-machine", Self::TimeMachine)];

    /// The word of the fleet file.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, kind)| *kind == self).map_or("storage", |(word, _)| word)
    }
}

impl Decode for ShareKind {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        text::choose(value, at, "fleet::unknown_share_kind", &Self::WORDS, problems)
    }
}

impl Decode for Share {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let machine = table.required("machine", "name the machine that holds it: a key under `machines`", problems);
        let kind = table.or_default("kind", problems);
        let size_given = table.raw("size").is_some();
        let size = table.optional("size", problems);
        let users = table.or_default("users", problems);
        let volume = table.optional("volume", problems).unwrap_or_else(data);
        let address = table.optional("address", problems).map(|Address(address)| address);
        table.close(problems);
        if kind == ShareKind::TimeMachine && !size_given {
            problems.add(
                at,
                "fleet::time_machine_without_size",
                "a Time Machine share has no size",
                "no `size`",
                "a Mac fills whatever it gets: write `size = \"2TiB\"`, about twice the Mac's disk",
            );
        }
        Some(Self { machine: machine?, kind, size, users, volume, address })
    }
}
