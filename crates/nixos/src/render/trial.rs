//! `modules/boot-trial.nix`: the judge of a boot trial, which `deploy --reboot` starts.

use crate::syntax::{Expr, Set};

/// The judge, as every system has it that takes part: what it finds and leaves on the machine is the business of the
/// crate that starts a trial.
const JUDGE: &str = include_str!("../../../machine/src/deploy/boot-trial.sh");

/// The module.
pub(super) fn module() -> Expr {
    let marker = "/var/lib/homehive/boot-trial";
    let unit = Set::new()
        .put("ConditionPathExists", marker)
        .put("RequiresMountsFor", "/var/lib/homehive")
        .note("It counts in the emergency shell as well: nobody may be at the console.")
        .put("DefaultDependencies", false)
        .put("IgnoreOnIsolate", true);
    // The shell's name is the first line of what Nix writes; an indented string keeps blanks, not tabs.
    let script = JUDGE.strip_prefix("#!/bin/sh\n").unwrap_or(JUDGE).replace('\t', "  ");
    let program = Expr::Apply("pkgs.writeShellScript", vec!["boot-trial".into(), Expr::Lines(script)]);
    let path = ["pkgs.coreutils", "pkgs.gnused", "config.systemd.package"].map(Expr::Code);
    let service = Set::new()
        .put("description", "Judge of a boot trial")
        .put("wantedBy", Expr::texts(["sysinit.target"]))
        .put("before", Expr::texts(["shutdown.target"]))
        .put("conflicts", Expr::texts(["shutdown.target"]))
        .put("unitConfig", unit)
        .note("A switch to another system does not disturb a trial.")
        .put("restartIfChanged", false)
        .put("path", path.to_vec())
        .put("serviceConfig", Set::new().put("Type", "exec").put("ExecStart", program));
    Expr::module("{ config, pkgs, ... }", Set::new().put("systemd.services.homehive-boot-trial", service))
}
