//! `installer.nix`: the installation medium, as an image to boot from and for kexec.

use super::{Home, RenderError};
use crate::File;
use crate::syntax::{Expr, Set};

/// The file.
pub(super) fn file(home: &Home<'_>) -> Result<File, RenderError> {
    let network = &home.fleet.network;
    let bindings = Set::new()
        .put("fleet", Expr::text(&home.fleet.about.name))
        .note("Who may install.")
        .put("keys", Expr::texts(&home.fleet.admin.keys))
        .note("For a medium with a static address.")
        .put("gateway", Expr::texts(network.gateway))
        .put("dns", Expr::texts(network.name_servers()))
        .note("Does any machine have a ZFS pool?")
        .put("zfs", home.fleet.machines.values().any(|machine| !machine.storage.zpool.is_empty()));
    let body = Expr::Code(include_str!("../../nix/installer.nix"));
    let module = Expr::module("{ config, lib, pkgs, ... }", Expr::Let(bindings, Box::new(body)));
    let head = "The installation medium. `nix build .#installer-iso` makes an image for a stick; .#installer-kexec is\n\
                for starting it from a running Linux.";
    Ok(File::nix("installer.nix", head, &module)?)
}
