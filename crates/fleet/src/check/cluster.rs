//! The cluster: who runs its API, and that what needs a cluster has one.

use super::path;
use crate::Role;
use crate::declared::Draft;
use document::{Problems, Value};

pub(super) fn check(draft: &Draft, root: &Value, problems: &mut Problems) {
    // A machine that could not be read may be the server that seems to be missing.
    let declared = super::declared_machines(root);
    if declared == 0 || declared != draft.machines.len() {
        return;
    }
    let having = |role: Role| draft.machines.iter().filter(move |(_, machine)| machine.role == role);
    let servers = having(Role::K3sServer).count();
    if servers == 0 {
        for (name, _) in having(Role::K3sAgent) {
            let at = path(["machines", name.as_ref(), "role"]);
            let message = format!("agent `{name}` has no server to join");
            let help = "give one machine, or three, `role = \"k3s-server\"`";
            problems.add(&at, "fleet::agent_without_server", message, "an agent alone", help);
        }
        if draft.monitoring.is_some() && having(Role::K3sAgent).next().is_none() {
            let message = "monitoring runs in the cluster, and no machine is part of one";
            let help = "give a machine `role = \"k3s-server\"`, or leave `[monitoring]` out";
            problems.add(&path(["monitoring"]), "fleet::monitoring_without_cluster", message, "no cluster", help);
        }
    } else if servers.is_multiple_of(2)
        && let Some((name, _)) = having(Role::K3sServer).next_back()
    {
        let at = path(["machines", name.as_ref(), "role"]);
        let message = format!("{servers} k3s servers: an even number survives no more failures than one less");
        let help = "etcd wants 1, 3 or 5 servers: make one of them a `k3s-agent`, or add one";
        problems.add(&at, "fleet::even_servers", message, "one too many or too few", help);
    }
    let asks = draft.shares.is_empty() && draft.monitoring.is_none();
    let network = draft.network.as_ref().filter(|network| network.balancer.is_empty());
    let given = root.get("network").is_some_and(|network| network.get("balancer").is_some());
    if network.is_some() && !asks && !given {
        let message = "shares and Grafana need addresses, and there is no pool to take them from";
        let help = "give the balancer some addresses that nothing else uses: \
                    `balancer = \"192.168.1.200-192.168.1.250\"`";
        problems.add(&path(["network"]), "fleet::no_pool", message, "no `balancer`", help);
    }
}
