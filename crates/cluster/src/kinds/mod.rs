//! Kinds of objects that Kubernetes does not bring itself, as far as homehive writes them: typed, so that a field cannot be
//! misspelt. What the API servers really take is compared by the tests with the schemas of these kinds.

mod helm;
mod metallb;
pub mod monitoring;
mod samba;

pub use helm::{FailurePolicy, HelmChart, SecretValues};
pub use metallb::{IpAddressPool, L2Advertisement};
pub use samba::{
    AvailabilityMode, CommonNetwork, CustomConfig, GroupMode, PodSettings, Publish, SecurityMode, ShareClaim,
    ShareScaling, ShareStorage, ShareUsers, SmbCommonConfig, SmbSecurityConfig, SmbShare,
};

use crate::{Object, ObjectError};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

/// The `spec` of an object of a kind of its own.
pub trait Kind: Serialize {
    /// `metallb.io/v1beta1`.
    const API_VERSION: &'static str;
    /// `IPAddressPool`.
    const KIND: &'static str;
}

/// An object with its kind, as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole<'a, S> {
    api_version: &'static str,
    kind: &'static str,
    metadata: &'a ObjectMeta,
    spec: &'a S,
}

/// Every kind of object that homehive has ever written: the version, and the kind. What is of one of them and was placed for
/// the fleet is found again, also when the fleet has none of its kind any more; so none is ever taken out.
pub const KINDS: [(&str, &str); 25] = [
    ("v1", "Namespace"),
    ("v1", "PersistentVolume"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("helm.cattle.io/v1", "HelmChart"),
    ("metallb.io/v1beta1", "IPAddressPool"),
    ("metallb.io/v1beta1", "L2Advertisement"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
    ("samba-operator.samba.org/v1alpha1", "SmbCommonConfig"),
    ("samba-operator.samba.org/v1alpha1", "SmbSecurityConfig"),
    ("samba-operator.samba.org/v1alpha1", "SmbShare"),
];

/// The object of this kind with this metadata.
///
/// # Errors
/// It has no name.
pub fn object<S: Kind>(metadata: &ObjectMeta, spec: &S) -> Result<Object, ObjectError> {
    Object::of(&Whole { api_version: S::API_VERSION, kind: S::KIND, metadata, spec })
}
