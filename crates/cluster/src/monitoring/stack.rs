//! The values of kube-prometheus-stack, for k3s and for machines with disks of their own.

use super::names::{HOST_METRICS, MAIL_PASSWORD, OBJECT_STORE, THANOS_HTTP};
use super::place::{GRAFANA_DATA, PROMETHEUS, claim_template};
use super::{Site, alertmanager, thanos};
use crate::metallb::ADDRESS;
use crate::{Catalogue, RenderError};
use serde_json::{Map, Value, json};

/// Parts of Kubernetes that k3s runs inside of its one process: nothing answers where the chart would look for them.
const EMBEDDED: [&str; 4] = ["kubeControllerManager", "kubeScheduler", "kubeProxy", "kubeEtcd"];
/// The chart's rules for them, and for a system that nobody here has.
const RULES_OFF: [&str; 6] =
    ["etcd", "kubeControllerManager", "kubeProxy", "kubeSchedulerAlerting", "kubeSchedulerRecording", "windows"];
/// The chart's alerts that say what one of homehive's says, too: nobody is told twice.
const ALERTS_OFF: [&str; 8] = [
    "KubeNodeNotReady",
    "KubeNodeUnreachable",
    "KubePersistentVolumeFillingUp",
    "KubePersistentVolumeInodesFillingUp",
    "NodeFilesystemAlmostOutOfSpace",
    "NodeFilesystemSpaceFillingUp",
    "NodeRAIDDegraded",
    "NodeRAIDDiskFailure",
];
/// Mounts of containers, which are no filesystems of the machine's own.
const NO_MOUNTS: &str =
    r"^/(dev|proc|sys|run/containerd/.+|run/k3s/.+|var/lib/docker/.+|var/lib/kubelet/.+|var/lib/rancher/.+)($|/)";
/// Filesystems that keep nothing on a disk.
const NO_FILESYSTEMS: &str = "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|erofs|fusectl|\
                              hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|ramfs|rpc_pipefs|securityfs|\
                              selinuxfs|squashfs|sysfs|tmpfs|tracefs)$";

/// The values.
pub(super) fn values(site: &Site<'_>, catalogue: &Catalogue) -> Result<Value, RenderError> {
    let off = |names: &[&str], value: Value| {
        names.iter().map(|name| ((*name).to_owned(), value.clone())).collect::<Map<_, _>>()
    };
    let mut values = json!({
        "defaultRules": {
            "rules": off(&RULES_OFF, json!(false)),
            "disabled": off(&ALERTS_OFF, json!(true)),
        },
        "alertmanager": alertmanager(site),
        "grafana": grafana(site),
        "prometheus-node-exporter": node_exporter(),
        "prometheus": prometheus(site, catalogue)?,
    });
    for part in EMBEDDED {
        values[part] = json!({ "enabled": false });
    }
    Ok(values)
}

/// What every pod of Prometheus' group runs as. Ownership was set when the directory was made: to go through all files
/// at every start takes long and finds nothing.
pub(super) fn pod_security() -> Value {
    let (user, group) = PROMETHEUS;
    json!({
        "runAsNonRoot": true,
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

fn alertmanager(site: &Site<'_>) -> Value {
    let mut spec = json!({
        "securityContext": pod_security(),
        "storage": { "volumeClaimTemplate": claim_template() },
    });
    if site.monitoring.mail.as_ref().is_some_and(|mail| mail.user.is_some()) {
        spec["secrets"] = json!([MAIL_PASSWORD.0]);
    }
    json!({ "config": alertmanager::config(site.monitoring), "alertmanagerSpec": spec })
}

fn grafana(site: &Site<'_>) -> Value {
    // Grafana sees its clients' addresses, and so do policies.
    let mut service = json!({ "type": "LoadBalancer", "externalTrafficPolicy": "Local" });
    if let Some(address) = site.monitoring.address {
        service["annotations"] = json!({ ADDRESS: address });
    }
    json!({
        "admin": { "existingSecret": "grafana-admin", "userKey": "admin-user", "passwordKey": "admin-password" },
        "service": service,
        // Two pods cannot have the one volume: the old one goes before the new one comes.
        "deploymentStrategy": { "type": "Recreate" },
        "persistence": { "enabled": true, "type": "pvc", "existingClaim": GRAFANA_DATA.claim },
        // The directory was made with its owner.
        "initChownData": { "enabled": false },
        "defaultDashboardsTimezone": "browser",
        "grafana.ini": {
            "analytics": { "check_for_updates": false, "check_for_plugin_updates": false, "reporting_enabled": false },
        },
        "sidecar": {
            "datasources": { "url": format!("http://{}:{THANOS_HTTP}/", thanos::QUERY) },
        },
    })
}

fn node_exporter() -> Value {
    json!({
        // The chart's list is replaced by this one, so that it says the chart's two as well.
        "extraArgs": [
            format!("--collector.filesystem.mount-points-exclude={NO_MOUNTS}"),
            format!("--collector.filesystem.fs-types-exclude={NO_FILESYSTEMS}"),
            // The machine's root is mounted there.
            format!("--collector.textfile.directory=/host/root{HOST_METRICS}"),
        ],
        "prometheus": { "monitor": { "relabelings": [node_label()] } },
    })
}

/// Series of a machine say which by its name, not only by its address.
pub(super) fn node_label() -> Value {
    json!({ "sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node" })
}

fn prometheus(site: &Site<'_>, catalogue: &Catalogue) -> Result<Value, RenderError> {
    let (secret, key) = OBJECT_STORE;
    let mut sidecar = json!({
        "image": catalogue.image("thanos")?.to_string(),
        // Only this form of the key switches the upload on.
        "objectStorageConfig": { "existingSecret": { "name": secret, "key": key } },
    });
    let mut spec = json!({
        "externalLabels": { "cluster": site.fleet.about.name },
        // Thanos has what is older. This much is left to mend an upload that fails.
        "retention": "15d",
        "securityContext": pod_security(),
        "storageSpec": { "volumeClaimTemplate": claim_template() },
    });
    if site.monitoring.object_store.is_some() {
        spec["containers"] = json!([{ "name": "thanos-sidecar", "env": thanos::store_keys() }]);
    } else {
        spec["volumes"] = json!([thanos::volume()]);
        sidecar["volumeMounts"] = json!([thanos::mount()]);
    }
    spec["thanos"] = sidecar;
    Ok(json!({
        "thanosService": { "enabled": true },
        "thanosServiceMonitor": { "enabled": true },
        "prometheusSpec": spec,
    }))
}
