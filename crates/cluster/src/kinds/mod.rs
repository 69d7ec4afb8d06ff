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

/// The object of this kind with this metadata.
///
/// # Errors
/// It has no name.
pub fn object<S: Kind>(metadata: &ObjectMeta, spec: &S) -> Result<Object, ObjectError> {
    Object::of(&Whole { api_version: S::API_VERSION, kind: S::KIND, metadata, spec })
}
