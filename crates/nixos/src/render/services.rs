//! `hosts/NAME/services.nix`: what a machine does in the network and the cluster, where it differs from the others.

use super::{Host, RenderError, cluster_manifests, network};
use crate::File;
use crate::syntax::{Expr, Set};
use fleet::{Interface, Role};

/// The file.
pub(super) fn file(host: &Host<'_>) -> Result<File, RenderError> {
    let machine = host.machine;
    let mut set = Set::new();
    match machine.role {
        Role::None => {}
        Role::K3sServer => set = set.put("imports", vec![Expr::Path("../../modules/k3s-server.nix".into())]),
        Role::K3sAgent => set = set.put("imports", vec![Expr::Path("../../modules/k3s.nix".into())]),
    }
    set = set.with(network::own(host));
    if let Some(zone) = &machine.timezone {
        set = set.put("time.timeZone", Expr::text(zone));
    }
    set = set.with(k3s(host));
    if let Some(directories) = cluster::directories(host.home.fleet).get(host.name) {
        set = set.with(cluster_manifests::directories(directories));
    }
    if !machine.packages.is_empty() {
        let packages = super::modules::packages(&machine.packages);
        set = set.put("environment.systemPackages", packages);
    }
    let head = format!("{}: what it does, where it differs from the others.", host.name);
    Ok(File::nix(host.path("services.nix"), &head, &Expr::module("{ pkgs, ... }", set))?)
}

/// The machine's part in the cluster; what is the same for all of it stands in `modules/k3s.nix`.
fn k3s(host: &Host<'_>) -> Set {
    let servers = &host.home.servers;
    let gate = host.home.gate(host.name);
    let mut k3s = Set::new().put("nodeIP", Expr::text(&host.machine.address));
    if let Some(Interface::Name(name)) = &host.machine.interface {
        // Else flannel takes the interface of the default route.
        k3s = k3s.put("extraFlags", Expr::texts([format!("--flannel-iface={name}")]));
    }
    let note = match (host.machine.role, gate) {
        (Role::K3sServer, _) if servers.len() == 1 => "The one server: it keeps the cluster's state in SQLite.".into(),
        (Role::K3sServer, None) => {
            k3s = k3s.put("clusterInit", true);
            "It begins the cluster, with etcd, and the other servers join it. Once two servers are installed it joins as\n\
             well: k3s heeds neither where its data is there, and a machine that was installed anew begins no second cluster."
                .to_owned()
        }
        (Role::None, _) | (_, None) => return Set::new(),
        (role, Some((name, machine))) => {
            if role == Role::K3sAgent {
                k3s = k3s.put("role", "agent");
            }
            k3s = k3s.put("serverAddr", format!("https://{}:6443", machine.address));
            let what = if role == Role::K3sServer { "One of the servers, with etcd" } else { "An agent" };
            format!("{what}: it joins at {name}.")
        }
    };
    let mut set = Set::new().note(note).put("services.k3s", k3s);
    if super::mounts_data(&host.wish) {
        set = set
            .note("Volume claims lie on /data: k3s waits for it, and never fills the directory below the mount point.")
            .put("systemd.services.k3s.unitConfig.RequiresMountsFor", Expr::texts(["/data"]));
    }
    set
}
