//! Alerts: what people are told of, in their words, with what to do next.

use super::names::SIDECARS;
use super::{Site, selected};
use crate::kinds::monitoring::{PrometheusRule, Rule, RuleGroup};
use crate::{Object, ObjectError, kinds};
use fleet::{Role, ShareKind};
use std::collections::BTreeSet;

/// How bad it is.
#[derive(Clone, Copy)]
enum Severity {
    /// Data or the service is in danger: told at once, and again every few hours.
    Critical,
    /// Told once a day.
    Warning,
}

/// An alert in the making.
struct Alert {
    name: &'static str,
    severity: Severity,
    expr: String,
    lasts: String,
    summary: &'static str,
    /// What it means, and what to do.
    description: String,
}

impl From<Alert> for Rule {
    fn from(alert: Alert) -> Self {
        let severity = match alert.severity {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
        };
        let text = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Self {
            alert: Some(alert.name.to_owned()),
            record: None,
            expr: alert.expr,
            lasts: Some(alert.lasts),
            labels: [text("severity", severity)].into(),
            annotations: [text("summary", alert.summary), text("description", &alert.description)].into(),
        }
    }
}

/// All alerts, as an object that Prometheus takes.
pub(super) fn object(site: &Site<'_>) -> Result<Object, ObjectError> {
    let group = |name: &str, alerts: Vec<Alert>| RuleGroup {
        name: format!("homehive-{name}"),
        interval: None,
        rules: alerts.into_iter().map(Rule::from).collect(),
    };
    let groups = vec![
        group("arrays", arrays()),
        group("disks", disks()),
        group("cache", cache()),
        group("filesystems", filesystems(site)),
        group("backups", backups(site)),
        group("machines", machines(site)),
        group("thanos", thanos()),
    ];
    let groups = groups.into_iter().filter(|group| !group.rules.is_empty()).collect();
    kinds::object(&selected("homehive"), &PrometheusRule { groups })
}

fn arrays() -> Vec<Alert> {
    vec![
        Alert {
            name: "ArrayDegraded",
            severity: Severity::Critical,
            expr: "node_md_degraded{job=\"node-exporter\"} > 0\n\
                   or\n\
                   node_md_disks_required{job=\"node-exporter\"}\n\
                   - ignoring (state) node_md_disks{job=\"node-exporter\",state=\"active\"} > 0"
                .to_owned(),
            lasts: "1m".to_owned(),
            summary: "An array lacks disks.",
            description:
                "{{ $labels.device }} on {{ $labels.node }} lacks {{ $value }} of its disks. It works, with less or \
                          no protection until a disk is replaced and the array is whole again: see `cat /proc/mdstat` \
                          there, and `homehive plan`."
                    .to_owned(),
        },
        Alert {
            name: "ArrayMemberFailed",
            severity: Severity::Warning,
            expr: "node_md_disks{job=\"node-exporter\",state=\"failed\"} > 0".to_owned(),
            lasts: "1m".to_owned(),
            summary: "A disk was thrown out of its array.",
            description: "{{ $value }} disks of {{ $labels.device }} on {{ $labels.node }} have failed: see \
                          `cat /proc/mdstat` there for which (F), and replace them."
                .to_owned(),
        },
        Alert {
            name: "ArrayInactive",
            severity: Severity::Critical,
            expr: "node_md_state{job=\"node-exporter\",state=\"inactive\"} == 1".to_owned(),
            lasts: "1m".to_owned(),
            summary: "An array does not run.",
            description:
                "{{ $labels.device }} on {{ $labels.node }} is not running: too few of its disks are there. Write \
                          nothing to them, and see `mdadm --examine` of each."
                    .to_owned(),
        },
    ]
}

/// Beside the exporter's own alerts: its verdict, media errors, spare blocks, temperature.
fn disks() -> Vec<Alert> {
    // Attributes of ATA disks: sectors that could not be read and wait for a write, and those that no self test could
    // read. NVMe disks have none of the kind: their media errors are an alert of the exporter's chart.
    let sectors = "smartctl_device_attribute{attribute_id=~\"197|198\",attribute_value_type=\"raw\"} > 0";
    let reallocated = "delta(smartctl_device_attribute{attribute_id=\"5\",attribute_value_type=\"raw\"}[1d]) > 0";
    vec![
        Alert {
            name: "DiskUnreadable",
            severity: Severity::Warning,
            expr: sectors.to_owned(),
            lasts: "10m".to_owned(),
            summary: "A disk has sectors that cannot be read.",
            description:
                "{{ $labels.device }} on {{ $labels.node }}: {{ $labels.attribute_name }} is {{ $value }}. An array \
                          mends them as it finds them; if there are more every week, the disk is failing."
                    .to_owned(),
        },
        Alert {
            name: "DiskWearsOut",
            severity: Severity::Warning,
            expr: reallocated.to_owned(),
            lasts: "10m".to_owned(),
            summary: "A disk puts spare sectors in the place of bad ones.",
            description: "{{ $labels.device }} on {{ $labels.node }} has replaced {{ $value }} more sectors since \
                          yesterday: have another disk ready."
                .to_owned(),
        },
    ]
}

fn cache() -> Vec<Alert> {
    vec![
        Alert {
            name: "CacheNearlyFull",
            severity: Severity::Warning,
            expr: "homehive_writecache_dirty_blocks / homehive_writecache_blocks > 0.9".to_owned(),
            lasts: "30m".to_owned(),
            summary: "A write cache is nearly full.",
            description: "The cache of {{ $labels.volume }} on {{ $labels.node }} is {{ $value | humanizePercentage }} full \
                          of what is not on the disks yet: they do not keep up. Writing becomes as slow as they are, and \
                          without the cache's disk this much would be lost."
                .to_owned(),
        },
        Alert {
            name: "CacheBroken",
            severity: Severity::Critical,
            expr: "homehive_writecache_error != 0".to_owned(),
            lasts: "1m".to_owned(),
            summary: "A write cache has met an error.",
            description: "The cache of {{ $labels.volume }} on {{ $labels.node }} reports error {{ $value }}: its disk may \
                          be failing, with data on it that is nowhere else."
                .to_owned(),
        },
    ]
}

fn filesystems(site: &Site<'_>) -> Vec<Alert> {
    let mut mounts = BTreeSet::from([site.monitoring.volume.clone(), "/".to_owned()]);
    mounts.extend(site.fleet.shares.values().map(|share| share.volume.clone()));
    let mounts: Vec<String> = mounts.iter().map(|mount| exact(mount)).collect();
    let which = format!("{{job=\"node-exporter\",mountpoint=~\"{}\"}}", mounts.join("|"));
    vec![
        Alert {
            name: "FilesystemFilling",
            severity: Severity::Warning,
            expr: format!(
                "predict_linear(node_filesystem_avail_bytes{which}[1d], 7 * 86400) < 0\n\
                 and\n\
                 node_filesystem_avail_bytes{which} / node_filesystem_size_bytes{which} < 0.3\n\
                 and\n\
                 node_filesystem_readonly{which} == 0"
            ),
            lasts: "1h".to_owned(),
            summary: "A filesystem will be full within a week.",
            description:
                "{{ $labels.mountpoint }} on {{ $labels.node }} fills so fast that it is full within a week if \
                          nothing changes."
                    .to_owned(),
        },
        Alert {
            name: "FilesystemNearlyFull",
            severity: Severity::Critical,
            expr: format!(
                "node_filesystem_avail_bytes{which} / node_filesystem_size_bytes{which} < 0.05\n\
                 and\n\
                 node_filesystem_readonly{which} == 0"
            ),
            lasts: "15m".to_owned(),
            summary: "A filesystem is nearly full.",
            description:
                "{{ $labels.mountpoint }} on {{ $labels.node }} has {{ $value | humanizePercentage }} left. Backups \
                          and all that writes there will soon fail."
                    .to_owned(),
        },
        Alert {
            name: "ClaimNearlyFull",
            severity: Severity::Warning,
            // Claims that are directories report the filesystem that they lie on, or nothing: the alerts above are
            // theirs.
            expr: "kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes < 0.1\n\
                   and on (namespace, persistentvolumeclaim)\n\
                   kube_persistentvolumeclaim_info{storageclass!~\"homehive-local|local-path\"}"
                .to_owned(),
            lasts: "15m".to_owned(),
            summary: "A volume claim is nearly full.",
            description: "{{ $labels.persistentvolumeclaim }} in {{ $labels.namespace }} has \
                          {{ $value | humanizePercentage }} left."
                .to_owned(),
        },
    ]
}

/// A mount point as a regular expression, in a string of a query: dots are not any character.
fn exact(mount: &str) -> String {
    let mut text = String::new();
    for c in mount.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            text.push_str("\\\\");
        }
        text.push(c);
    }
    text
}

fn backups(site: &Site<'_>) -> Vec<Alert> {
    let shares = site.fleet.shares.iter().filter(|(_, share)| share.kind == ShareKind::TimeMachine);
    let mut alerts = Vec::new();
    let names: Vec<String> = shares.map(|(name, _)| name.to_string()).collect();
    if names.is_empty() {
        return alerts;
    }
    let age = site.monitoring.backup_age;
    alerts.push(Alert {
        name: "BackupOld",
        severity: Severity::Warning,
        expr: format!(
            "time() - max by (share, mac, node) (homehive_backup_completed_timestamp_seconds) > {}",
            age.minutes() * 60
        ),
        lasts: "1h".to_owned(),
        summary: "A Mac has not been backed up for long.",
        description: format!(
            "The last backup of {{{{ $labels.mac }}}} on the share {{{{ $labels.share }}}} was done \
             {{{{ $value | humanizeDuration }}}} ago, more than {age}. If the Mac is gone for good, remove its \
             `.sparsebundle` from the share."
        ),
    });
    alerts.push(Alert {
        name: "BackupUnfinished",
        severity: Severity::Warning,
        // By share and machine alone, and through gaps of an hour: the series has the exporter's pod among its labels, and
        // an alert's clock begins anew with new labels.
        expr: "max by (share, node) (max_over_time(homehive_backup_unfinished_images[1h])) > 0".to_owned(),
        lasts: format!("{}m", age.minutes()),
        summary: "A Mac has never completed a backup.",
        description: format!(
            "{{{{ $value }}}} images on the share {{{{ $labels.share }}}} have been there for {age} without a complete backup."
        ),
    });
    for name in names {
        alerts.push(Alert {
            name: "BackupUnknown",
            severity: Severity::Warning,
            expr: format!("absent(homehive_backup_images{{share=\"{name}\"}})"),
            lasts: "3h".to_owned(),
            summary: "Nobody knows how old the backups are.",
            description: format!(
                "The machine does not say what is on the share {name}: see `systemctl status host-metrics` there."
            ),
        });
    }
    alerts
}

fn machines(site: &Site<'_>) -> Vec<Alert> {
    let nodes = site.fleet.machines.values().filter(|machine| machine.role != Role::None).count();
    let mut alerts = vec![
        Alert {
            name: "NodeDown",
            severity: Severity::Critical,
            expr: "max by (node) (kube_node_status_condition{job=\"kube-state-metrics\",condition=\"Ready\",\
                   status=\"true\"}) == 0"
                .to_owned(),
            lasts: "5m".to_owned(),
            summary: "A machine is down.",
            description:
                "{{ $labels.node }} does not answer the cluster any more: it is off, cut off, or k3s does not run \
                          there. See `homehive cluster status`."
                    .to_owned(),
        },
        Alert {
            name: "HostMetricsOld",
            severity: Severity::Warning,
            expr: "time() - node_textfile_mtime_seconds{job=\"node-exporter\"} > 2 * 3600".to_owned(),
            lasts: "10m".to_owned(),
            summary: "A machine has stopped telling of its caches and backups.",
            description: "{{ $labels.file }} on {{ $labels.node }} is {{ $value | humanizeDuration }} old: see \
                          `systemctl status host-metrics` there."
                .to_owned(),
        },
    ];
    // Where the only machine is missing, nobody is left to tell of it.
    if nodes > 1 {
        alerts.push(Alert {
            name: "NodesMissing",
            severity: Severity::Warning,
            expr: format!("count(kube_node_info{{job=\"kube-state-metrics\"}}) < {nodes}"),
            lasts: "30m".to_owned(),
            summary: "Machines of the fleet are not in the cluster.",
            description: format!("The fleet has {nodes} machines with k3s, and the cluster knows {{{{ $value }}}}."),
        });
    }
    alerts
}

fn thanos() -> Vec<Alert> {
    vec![
        Alert {
            name: "ThanosDoesNotUpload",
            severity: Severity::Critical,
            // A block of two hours is whole an hour later. After a start the time of the last upload is nought until there
            // was one, which may well take three hours.
            expr: format!(
                "time() - max by (pod) (thanos_objstore_bucket_last_successful_upload_time{{job=\"{SIDECARS}\"}}) > 6 * 3600"
            ),
            lasts: "4h".to_owned(),
            summary: "What is measured is not kept.",
            description:
                "{{ $labels.pod }} has handed nothing to the long-term store for {{ $value | humanizeDuration }}. \
                          Prometheus itself keeps 15 days: what is older then is lost."
                    .to_owned(),
        },
        Alert {
            name: "ThanosCompactorHalted",
            severity: Severity::Warning,
            expr: "thanos_compact_halted == 1".to_owned(),
            lasts: "5m".to_owned(),
            summary: "Old measurements are no longer thinned out.",
            description:
                "The compactor stopped at blocks that contradict each other: see the log of thanos-compact-0 in \
                          the namespace monitoring."
                    .to_owned(),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::exact;

    #[test]
    fn mount_points_are_matched_as_they_are() {
        assert_eq!(exact("/data"), "/data");
        assert_eq!(exact("/srv/a.b"), "/srv/a\\\\.b");
    }
}
