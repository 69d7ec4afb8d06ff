//! Monitoring: the machine and the volume that keep what was measured, and the object store.

use super::{mail, path, stands};
use crate::declared::Draft;
use crate::{HostName, Machine, Monitoring, Role};
use document::{Problems, Value};
use storage::Wish;

pub(super) fn check(draft: &Draft, root: &Value, problems: &mut Problems) {
    let Some(monitoring) = &draft.monitoring else { return };
    if let Some(store) = &monitoring.object_store
        && mail::is_example(store.endpoint.host())
    {
        let message = format!("`{}` is kept for examples: no store is there", store.endpoint.host());
        let at = path(["monitoring", "object_store", "endpoint"]);
        problems.add(&at, "fleet::made_up_store", message, "made up", "write your own store's host and port");
    }
    if let Some(named) = &monitoring.machine {
        let at = path(["monitoring", "machine"]);
        match draft.machines.get(named) {
            None if stands(root, "machines", named.as_ref()) => return,
            None => {
                let known: Vec<String> = draft.machines.keys().take(8).map(|name| format!("`{name}`")).collect();
                let message = format!("monitoring keeps its data on `{named}`, which is not declared");
                let help = format!("declared: {}", known.join(", "));
                problems.add(&at, "fleet::unknown_machine", message, "no such machine", help);
                return;
            }
            Some(machine) if machine.role == Role::None => {
                let message = format!("monitoring keeps its data on `{named}`, which is no part of the cluster");
                let help = "give the machine `role = \"k3s-server\"` or `\"k3s-agent\"`, or name another one";
                problems.add(&at, "fleet::monitoring_outside_cluster", message, "has no role", help);
                return;
            }
            Some(_) => {}
        }
    }
    // A machine that could not be read may be the one that is meant.
    if super::declared_machines(root) != draft.machines.len() {
        return;
    }
    if let Some(host) = monitoring.place(&draft.machines, &draft.shares)
        && let Some(machine) = draft.machines.get(host)
    {
        volume(monitoring, host, machine, problems);
    }
}

fn volume(monitoring: &Monitoring, host: &HostName, machine: &Machine, problems: &mut Problems) {
    if machine.configuration.is_some() || problems.within(&path(["machines", host.as_ref(), "storage"])) {
        return;
    }
    let wish = Wish::new(&machine.storage, uuid::Uuid::nil());
    if !wish.mounts.iter().any(|mount| mount.path == monitoring.volume) {
        let mounted: Vec<String> = wish.mounts.iter().map(|mount| format!("`{}`", mount.path)).collect();
        let message = format!("monitoring keeps its data on `{}`, where `{host}` mounts nothing", monitoring.volume);
        let help = format!("name a mount point with `volume`: {}", mounted.join(", "));
        problems.add(&path(["monitoring"]), "fleet::unknown_volume", message, "no such volume", help);
    }
    super::plain_volume(&monitoring.volume, &path(["monitoring", "volume"]), problems);
}
