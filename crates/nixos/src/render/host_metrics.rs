//! `modules/host-metrics.nix` and its script: what no exporter knows of a machine, for the node exporter to read.

use super::{Home, RenderError};
use crate::File;
use crate::syntax::{Expr, Set};
use fleet::ShareKind;
use std::collections::BTreeMap;

/// The module's name; every machine imports it where the fleet has monitoring.
pub(super) const NAME: &str = "host-metrics";

/// The files; none without monitoring.
pub(super) fn files(home: &Home<'_>) -> Result<Vec<File>, RenderError> {
    if home.fleet.monitoring.is_none() {
        return Ok(Vec::new());
    }
    let mut machines: BTreeMap<String, Set> = BTreeMap::new();
    for (name, share) in &home.fleet.shares {
        if share.kind == ShareKind::TimeMachine {
            let set = machines.entry(share.machine.to_string()).or_default();
            let path = cluster::volumes::share_path(name, share);
            *set = std::mem::take(set).put_named("", name.to_string(), path);
        }
    }
    let shares = machines.into_iter().fold(Set::new(), |set, (machine, shares)| set.put_named("", machine, shares));
    let bindings = Set::new()
        .note("Where the node exporter looks for it.")
        .put("directory", cluster::monitoring::HOST_METRICS)
        .note("Time Machine shares of each machine, and where they lie.")
        .put("shares", shares);
    let body = Expr::Let(bindings, Box::new(Expr::Code(include_str!("../../nix/host-metrics.nix"))));
    let head = "Write caches and backups, for Prometheus.";
    let module = File::nix(format!("modules/{NAME}.nix"), head, &Expr::module("{ config, lib, pkgs, ... }", body))?;
    let script = include_str!("../../nix/host-metrics.sh").to_owned();
    Ok(vec![module, File { path: format!("modules/{NAME}.sh"), text: script }])
}
