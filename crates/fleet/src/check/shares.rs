//! Shares: their machine, their volume, that they fit it, and that their users can be told apart.

use super::{path, stands};
use crate::declared::Draft;
use crate::{HostName, Machine, Role, Share, ShareName, UserName, capacity, uid};
use document::{Problems, Value};
use std::collections::BTreeMap;
use storage::{Size, Wish};

/// Shares by the volume they lie on.
type Volumes<'a> = BTreeMap<&'a str, Vec<(&'a ShareName, &'a Share)>>;

pub(super) fn check(draft: &Draft, root: &Value, problems: &mut Problems) {
    one_number(draft, problems);
    // By machine, so that each machine's tree is resolved once.
    let mut volumes: BTreeMap<&HostName, Volumes<'_>> = BTreeMap::new();
    for (name, share) in &draft.shares {
        let Some(machine) = draft.machines.get(&share.machine) else {
            unknown(name, share, draft, root, problems);
            continue;
        };
        if machine.role == Role::None {
            let at = path(["shares", name.as_ref(), "machine"]);
            let message = format!("share `{name}` is on `{}`, which is no part of the cluster", share.machine);
            let help = "shares are served from the cluster: give the machine `role = \"k3s-server\"`";
            problems.add(&at, "fleet::share_outside_cluster", message, "has no role", help);
        }
        volumes.entry(&share.machine).or_default().entry(share.volume.as_str()).or_default().push((name, share));
    }
    for (host, volumes) in volumes {
        if let Some(machine) = draft.machines.get(host)
            && machine.configuration.is_none()
            && !problems.within(&path(["machines", host.as_ref(), "storage"]))
        {
            on_machine(host, machine, volumes, problems);
        }
    }
}

/// Two users of one number would own each other's files.
fn one_number(draft: &Draft, problems: &mut Problems) {
    let mut numbers: BTreeMap<u32, &UserName> = BTreeMap::new();
    for (name, share) in &draft.shares {
        let at = path(["shares", name.as_ref()]);
        let (at, users) = match &draft.admin {
            Some(admin) if share.users.is_empty() => (at, std::slice::from_ref(&admin.user)),
            _ => (at.join("users"), share.users.as_slice()),
        };
        for user in users {
            let first = *numbers.entry(uid(user)).or_insert(user);
            if first != user {
                let message = format!("the users `{first}` and `{user}` would own each other's files");
                let label = format!("both have the number {}", uid(user));
                let help = "a user's number is derived from the name: choose another name for one of them";
                problems.add(&at, "fleet::users_of_one_number", message, label, help);
            }
        }
    }
}

fn unknown(name: &ShareName, share: &Share, draft: &Draft, root: &Value, problems: &mut Problems) {
    if stands(root, "machines", share.machine.as_ref()) {
        return;
    }
    let at = path(["shares", name.as_ref(), "machine"]);
    let known: Vec<String> = draft.machines.keys().take(8).map(|name| format!("`{name}`")).collect();
    let message = format!("share `{name}` is on `{}`, which is not declared", share.machine);
    problems.add(&at, "fleet::unknown_machine", message, "no such machine", format!("declared: {}", known.join(", ")));
}

fn on_machine(host: &HostName, machine: &Machine, volumes: Volumes<'_>, problems: &mut Problems) {
    let wish = Wish::new(&machine.storage, uuid::Uuid::nil());
    for (volume, shares) in volumes {
        let Some(mount) = wish.mounts.iter().find(|mount| mount.path == volume) else {
            let mounted: Vec<String> = wish.mounts.iter().map(|mount| format!("`{}`", mount.path)).collect();
            for (name, _) in shares {
                let message = format!("share `{name}` lies on `{volume}`, where `{host}` mounts nothing");
                let help = format!("name a mount point with `volume`: {}", mounted.join(", "));
                let at = path(["shares", name.as_ref()]);
                problems.add(&at, "fleet::unknown_volume", message, "no such volume", help);
            }
            continue;
        };
        super::plain_volume(volume, &path(["shares", shares[0].0.as_ref(), "volume"]), problems);
        let Some(most) = capacity::most(&wish, &mount.node) else { continue };
        let place = format!("`{volume}` on `{host}` holds at most {}", Size(most));
        let mut sum = 0_u64;
        for (name, share) in &shares {
            let Some(size) = share.size else { continue };
            let at = path(["shares", name.as_ref(), "size"]);
            if size.0 > most {
                let message = format!("share `{name}` of {size} is larger than its volume");
                problems.add(&at, "fleet::share_too_large", message, "too large", place.clone());
                return;
            }
            sum = sum.saturating_add(size.0);
            if sum > most {
                let message = format!("share `{name}` does not fit beside the others: {} in all", Size(sum));
                problems.add(&at, "fleet::shares_too_large", message, "too much together", place.clone());
                return;
            }
        }
    }
}
