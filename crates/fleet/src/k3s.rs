//! `[k3s]`: the cluster's software.

use crate::KubernetesVersion;
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;

/// The cluster's software.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct K3s {
    /// The minor release to stay on, such as `1.34`; what nixpkgs has for k3s if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<KubernetesVersion>,
}

impl Decode for K3s {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self { version: table.optional("version", problems) };
        table.close(problems);
        Some(it)
    }
}
