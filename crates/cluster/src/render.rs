//! All manifests of a fleet: what each concern adds, in waves.

use crate::catalogue::CatalogueError;
use crate::samba::{self, OperatorError};
use crate::upstream::MissingFile;
use crate::{
    Catalogue, Manifest, ObjectError, Upstream, metallb, monitoring, namespaces, policies, publisher, volumes,
};
use fleet::{Fleet, Role};

/// Why a fleet's objects cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A pin that there is not.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A file of another project that was not handed in.
    #[error(transparent)]
    Upstream(#[from] MissingFile),
    /// A file of the Samba operator that is not what it was.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// A mistake of ours.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A mistake of ours.
    #[error("values of a chart cannot be written: {0}")]
    Values(#[from] Box<serde_saphyr::ser::Error>),
}

/// The manifests of a fleet, in the order of their files' names; none if it has no cluster.
///
/// # Errors
/// See [`RenderError`]; the fleet is one that `check` found nothing wrong with.
pub fn render(fleet: &Fleet, upstream: &Upstream) -> Result<Vec<Manifest>, RenderError> {
    if fleet.machines.values().all(|machine| machine.role == Role::None) {
        return Ok(Vec::new());
    }
    let catalogue = catalogue(fleet)?;
    let mut all = namespaces::manifests(fleet)?;
    all.extend(volumes::manifests(fleet)?);
    all.extend(metallb::manifests(fleet, &catalogue)?);
    all.extend(samba::manifests(fleet, &catalogue, upstream)?);
    all.extend(policies::manifests(fleet)?);
    if !fleet.shares.is_empty() {
        all.push(publisher::manifest()?);
    }
    all.extend(monitoring::manifests(fleet, &catalogue)?);
    all.sort_by_key(Manifest::file_name);
    Ok(all)
}

/// The versions that a fleet runs.
///
/// # Errors
/// The fleet moves a pin that there is not.
pub fn catalogue(fleet: &Fleet) -> Result<Catalogue, CatalogueError> {
    Catalogue::built_in()?.with(fleet.pins.iter().map(|(name, version)| (name.as_str(), version.as_ref())))
}
