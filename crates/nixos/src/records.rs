//! What is known beside the fleet and goes into the rendered files: facts that were settled once and never move.

use fleet::HostName;
use std::collections::{BTreeMap, BTreeSet};

/// What is known beside the fleet. All of it may be absent; what needs it is then left out or given its first value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// `system.stateVersion` of machines that were installed: the release that they were first installed with.
    pub state_versions: BTreeMap<HostName, String>,
    /// The public SSH host keys of machines, as `ssh-ed25519 AAAA…`.
    pub host_keys: BTreeMap<HostName, String>,
    /// The public SSH host key of the installation medium.
    pub installer_key: Option<String>,
    /// Encrypted files that are there, by their names under `secrets/`: `k3s-token.age`.
    pub secrets: BTreeSet<String>,
    /// The cluster's objects: the files' names under `manifests/`, in their order.
    pub manifests: Vec<String>,
}
