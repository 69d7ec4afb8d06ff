//! Shares: the Samba operator, and for each share its volume, its server, its address and its users.

mod operator;
mod options;
mod server;
mod share;

pub use operator::OperatorError;
pub use options::{GLOBALS, options};

use crate::namespaces::SAMBA;
use crate::{Catalogue, Manifest, RenderError, Upstream, Wave};
use fleet::Fleet;

/// The name of the port that the metrics of a share's server are read from.
pub const METRICS_PORT_NAME: &str = "smbmetrics";
/// Its number: the one that the operator of v0.8 probes. Its exporter listens on 9922 unless it is told.
pub const METRICS_PORT: u16 = 8080;
/// Where smbd listens (SMB over TCP).
pub const SMB_PORT: u16 = 445;

/// The operator's sources in the catalogue.
const SOURCE: &str = "samba-operator";

/// The names in the catalogue of what must be handed in for this fleet.
pub fn sources(fleet: &Fleet) -> &'static [&'static str] {
    if fleet.shares.is_empty() { &[] } else { &[SOURCE] }
}

/// The operator and the shares; nothing if the fleet has none.
pub(crate) fn manifests(
    fleet: &Fleet,
    catalogue: &Catalogue,
    upstream: &Upstream,
) -> Result<Vec<Manifest>, RenderError> {
    if fleet.shares.is_empty() {
        return Ok(Vec::new());
    }
    let operator = operator::Operator::read(catalogue, upstream)?;
    let mut all = operator.manifests();
    let mut objects = share::machines(fleet)?;
    for (name, share) in &fleet.shares {
        objects.extend(share::objects(name, share, catalogue)?);
    }
    let head = format!(
        "The shares. Users and passwords are no part of this file: they stand in the Secrets of the namespace {SAMBA}.\n\
         The servers' Deployments and Services are homehive's; the operator takes them over and writes their configuration."
    );
    all.push(Manifest { wave: Wave::Objects, name: "shares".into(), head, objects });
    Ok(all)
}
