//! What a LUKS2 header says of the ways to open it without typing its key, and what the machine could enrol.

use crate::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A token in a header: how a key slot is opened by something else than a typed key. What it keeps for that is not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Its number.
    pub id: u32,
    /// What it is, such as `systemd-tpm2`.
    pub kind: String,
    /// The key slots that it opens.
    #[serde(default)]
    pub slots: Vec<u32>,
    /// The registers that a TPM must find as they were (`systemd-tpm2`), sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcrs: Option<Vec<u32>>,
    /// Does it want a PIN besides?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pin: bool,
    /// What the fleet calls the key that opens its slots ([`Token::KEY`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
}

impl Token {
    /// The type of the tokens by which homehive knows further keys again. Such a token opens nothing itself: it tells which
    /// slot the key of its `name` opens.
    pub const KEY: &str = "homehive-key";
}

/// What systemd-cryptenroll(1) finds on the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// A TPM2, and what it takes to use it.
    pub tpm2: bool,
    /// A FIDO2 key.
    pub fido2: bool,
}
