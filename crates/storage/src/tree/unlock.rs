//! By what else than its key a LUKS container opens: the machine's TPM, a FIDO2 key, further keys.

use crate::Name;
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What opens a container beside its key, which goes on to open it in any case. It is the whole list: a TPM, FIDO2 key or
/// further key that was enrolled and does not stand here is taken out, and `{}` takes out all of them. Where there is no
/// `unlock`, what was enrolled by hand is left alone; so are keys that homehive has not added itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Unlock {
    /// The machine's TPM2, by itself, as long as it measures what it measured when it was enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm2: Option<Tpm2>,
    /// A FIDO2 key that is plugged in and touched. Where nobody is there to touch it, the machine does not boot by it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fido2: bool,
    /// Further keys, a recovery key above all, by names of your own: files like `key_file`. A key is known again by its name,
    /// so another one takes another name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<Name, String>,
}

/// What the TPM must measure again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Tpm2 {
    /// The registers (PCRs, 0 to 23) that must hold at boot what they held at the enrolment; `[7]`, the state of Secure Boot,
    /// if absent. With `[]` the TPM opens it for whatever the machine boots.
    #[schemars(default = "Tpm2::usual", inner(range(max = 23)))]
    pub pcrs: Vec<u32>,
}

impl Default for Tpm2 {
    fn default() -> Self {
        Self { pcrs: Self::usual() }
    }
}

impl Tpm2 {
    fn usual() -> Vec<u32> {
        vec![7]
    }
}

impl Unlock {
    /// The same, its registers in order: in which one they are named means nothing.
    pub(crate) fn sorted(mut self) -> Self {
        self.tpm2.iter_mut().for_each(|tpm2| tpm2.pcrs.sort_unstable());
        self
    }

    /// Is there anything beside the key?
    pub fn is_empty(&self) -> bool {
        self.tpm2.is_none() && !self.fido2 && self.keys.is_empty()
    }
}

impl Decode for Unlock {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self {
            tpm2: table.optional("tpm2", problems),
            fido2: table.or_default("fido2", problems),
            keys: table.or_default("keys", problems),
        };
        table.close(problems);
        Some(it)
    }
}

impl Decode for Tpm2 {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self { pcrs: table.optional("pcrs", problems).unwrap_or_else(Self::usual) };
        table.close(problems);
        Some(it)
    }
}
