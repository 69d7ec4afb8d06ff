//! The Samba operator's kinds (`samba-operator.samba.org/v1alpha1`, as of v0.8).

use super::Kind;
use serde::Serialize;
use std::collections::BTreeMap;

/// A share.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SmbShare {
    /// Its name for clients.
    pub share_name: String,
    /// May nobody write to it?
    pub read_only: bool,
    /// Is it listed?
    pub browseable: bool,
    /// The [`SmbSecurityConfig`], in the same namespace.
    pub security_config: String,
    /// The [`SmbCommonConfig`], in the same namespace.
    pub common_config: String,
    /// Where it lies.
    pub storage: ShareStorage,
    /// Options of smb.conf(5) for this share alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_share_config: Option<CustomConfig>,
    /// Which server serves it.
    pub scaling: ShareScaling,
}

/// Where a share lies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShareStorage {
    /// In a volume claim.
    pub pvc: ShareClaim,
}

/// A volume claim by name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShareClaim {
    /// Its name, in the share's namespace.
    pub name: String,
}

/// Options of smb.conf(5).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomConfig {
    /// The operator takes options only where this is said.
    pub use_unsafe_custom_config: bool,
    /// The options.
    pub configs: BTreeMap<String, String>,
}

/// Which server serves a share.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareScaling {
    /// One server or a cluster of them.
    pub availability_mode: AvailabilityMode,
    /// The name of the server, of its Service and of its configuration.
    pub group: String,
    /// Is the server named?
    pub group_mode: GroupMode,
}

/// One server or a cluster of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AvailabilityMode {
    /// One.
    Standard,
}

/// Is a share's server named?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupMode {
    /// It is.
    Explicit,
}

/// What the servers of several shares have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SmbCommonConfig {
    /// Who can reach them.
    pub network: CommonNetwork,
    /// Where they run.
    pub pod_settings: PodSettings,
}

/// Who can reach a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CommonNetwork {
    /// Inside the cluster or from the LAN.
    pub publish: Publish,
}

/// Inside the cluster or from the LAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Publish {
    /// From the LAN, at an address of the load balancer.
    External,
}

/// Where pods run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSettings {
    /// Labels of their node.
    pub node_selector: BTreeMap<String, String>,
}

/// Who may use shares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SmbSecurityConfig {
    /// Whose users.
    pub mode: SecurityMode,
    /// The users.
    pub users: ShareUsers,
}

/// Whose users may use a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecurityMode {
    /// Those of a Secret.
    User,
}

/// Users of a share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShareUsers {
    /// The Secret that lists them, with their passwords.
    pub secret: String,
    /// Its key.
    pub key: String,
}

impl Kind for SmbShare {
    const API_VERSION: &'static str = "samba-operator.samba.org/v1alpha1";
    const KIND: &'static str = "SmbShare";
}

impl Kind for SmbCommonConfig {
    const API_VERSION: &'static str = "samba-operator.samba.org/v1alpha1";
    const KIND: &'static str = "SmbCommonConfig";
}

impl Kind for SmbSecurityConfig {
    const API_VERSION: &'static str = "samba-operator.samba.org/v1alpha1";
    const KIND: &'static str = "SmbSecurityConfig";
}
