//! `modules/cluster-manifests.nix` and its script: the cluster's objects, placed where the only server's k3s reads them.

use super::{Home, RenderError};
use crate::File;
use crate::syntax::{Expr, Set};
use cluster::Directory;

/// The files; none without a cluster.
pub(super) fn files(home: &Home<'_>) -> Result<Vec<File>, RenderError> {
    if !home.has_cluster() {
        return Ok(Vec::new());
    }
    // Each server would bring its own, and an old one would take back what a new one brought.
    let several = home.servers.len() > 1;
    let note = if several {
        "Of several servers none places them: `homehive cluster apply` brings them, and what was placed while there was\n\
         one server goes."
    } else {
        "In the order of their names, as k3s reads them."
    };
    let manifests: &[String] = if several { &[] } else { &home.records.manifests };
    let paths = manifests.iter().map(|name| Expr::Path(format!("../manifests/{name}"))).collect();
    let bindings = Set::new().note(note).put("manifests", Expr::List(paths));
    let body = Expr::Let(bindings, Box::new(Expr::Code(include_str!("../../nix/cluster-manifests.nix"))));
    let head = "The cluster's objects, as files that k3s reads.";
    let module = File::nix("modules/cluster-manifests.nix", head, &Expr::module("{ pkgs, ... }", body))?;
    let script = include_str!("../../nix/cluster-manifests.sh").to_owned();
    Ok(vec![module, File { path: "modules/cluster-manifests.sh".to_owned(), text: script }])
}

/// The directories that a machine's volumes lie in, made once their filesystems are mounted: never below a mount point
/// where nothing is.
pub(super) fn directories(directories: &[Directory]) -> Set {
    if directories.is_empty() {
        return Set::new();
    }
    let mut mounts: Vec<&str> = directories.iter().map(|directory| directory.mount.as_str()).collect();
    mounts.sort_unstable();
    mounts.dedup();
    let line = |it: &Directory| format!("d {} {:04o} {} {} -\n", it.path, it.mode, it.owner.0, it.owner.1);
    let lines: String = directories.iter().map(line).collect();
    let file = Expr::Apply("pkgs.writeText", vec![Expr::text("volumes.conf"), Expr::Lines(lines)]);
    let service = Set::new()
        .put("ExecStart", Expr::Code("\"${pkgs.systemd}/bin/systemd-tmpfiles --create ${volumes}\""))
        .put("RemainAfterExit", true)
        .put("Type", "oneshot");
    let unit = Set::new()
        .put("description", "Make the directories of the cluster's volumes")
        .put("wantedBy", Expr::texts(["k3s.service"]))
        .put("before", Expr::texts(["k3s.service"]))
        .put("unitConfig.RequiresMountsFor", Expr::texts(mounts))
        .put("serviceConfig", service);
    let bindings = Set::new().put("volumes", file);
    Set::new()
        .note(
            "Where volumes lie, with the owners that their pods run as: made before k3s, and only where the filesystem is\n\
             mounted. What lies in them stays whatever becomes of the cluster.",
        )
        .put("systemd.services.homehive-volumes", Expr::Let(bindings, Box::new(unit.into())))
}
