//! `hosts/NAME/boot-mirrors.nix`: EFI system partitions that are kept in step with the first, and the script that does it.

use super::{Home, Host, Place, RenderError};
use crate::File;
use crate::syntax::{Expr, Set};

/// The file's name, beside the machine's other ones.
const NAME: &str = "boot-mirrors.nix";

/// Where the first partition is mounted, if others are to follow it.
fn first<'a>(host: &'a Host<'_>) -> Option<&'a str> {
    match &host.loader {
        Some(Place::Efi(mountpoint)) if !host.machine.boot_mirrors.is_empty() => Some(mountpoint),
        Some(Place::Efi(_) | Place::EfiMirror(_) | Place::Grub(_)) | None => None,
    }
}

/// The module of a machine that has mirrors.
pub(super) fn file(host: &Host<'_>) -> Result<Option<File>, RenderError> {
    let Some(first) = first(host) else { return Ok(None) };
    let bindings = Set::new()
        .note("The EFI system partition that NixOS writes, and those that are kept in step with it.")
        .put("from", first)
        .put("mirrors", Expr::texts(&host.machine.boot_mirrors));
    let body = Expr::Let(bindings, Box::new(Expr::Code(include_str!("../../nix/boot-mirrors.nix"))));
    let head = format!("{}: the firmware starts it from any of its disks.", host.name);
    Ok(Some(File::nix(host.path(NAME), &head, &Expr::module("{ lib, pkgs, ... }", body))?))
}

/// What the machine's entry imports for it.
pub(super) fn import(host: &Host<'_>) -> Option<Expr> {
    first(host).map(|_| Expr::Path(format!("./{NAME}")))
}

/// The script, once for all machines.
pub(super) fn script(home: &Home<'_>) -> Option<File> {
    let any = home.fleet.machines.values().any(|machine| !machine.boot_mirrors.is_empty());
    let text = include_str!("../../nix/boot-mirrors.sh").to_owned();
    any.then(|| File { path: "modules/boot-mirrors.sh".to_owned(), text })
}
