//! The dashboard: arrays, disks, write caches, space, shares, backups.

use super::Site;
use super::panel::{Panel, Shape, layout};
use crate::meta::{labelled, named};
use crate::namespaces::MONITORING;
use crate::{Object, ObjectError};
use fleet::ShareKind;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

/// The dashboard, as an object that Grafana's sidecar finds by its label.
pub(super) fn object(site: &Site<'_>) -> Result<Object, ObjectError> {
    let text = serde_json::to_string_pretty(&dashboard(site))?;
    let map = ConfigMap {
        metadata: labelled(named(MONITORING, "dashboard-nas"), [("grafana_dashboard", "1")]),
        data: Some([("nas.json".to_owned(), text)].into()),
        ..ConfigMap::default()
    };
    Object::of(&map)
}

fn dashboard(site: &Site<'_>) -> Value {
    let mut rows = vec![("Arrays", 5, arrays()), ("Disks", 8, disks()), ("Space and cache", 8, space(site))];
    if !site.fleet.shares.is_empty() {
        rows.push(("Shares", 8, shares()));
    }
    if site.fleet.shares.values().any(|share| share.kind == ShareKind::TimeMachine) {
        rows.push(("Backups", 6, backups(site)));
    }
    json!({
        "uid": "homehive-nas",
        "title": "NAS",
        "tags": ["homehive"],
        "schemaVersion": 39,
        "editable": false,
        "timezone": "browser",
        "refresh": "1m",
        "time": { "from": "now-24h", "to": "now" },
        "annotations": { "list": [] },
        "templating": { "list": [] },
        "panels": layout(&rows),
    })
}

fn one(expr: &str, legend: &'static str) -> Vec<(String, &'static str)> {
    vec![(expr.to_owned(), legend)]
}

fn arrays() -> Vec<Panel> {
    vec![
        Panel {
            title: "Missing disks",
            about: "How many disks each array lacks.",
            shape: Shape::Limits(1.0, 1.0),
            unit: "short",
            queries: one("node_md_degraded{job=\"node-exporter\"}", "{{node}} {{device}}"),
            width: 6,
        },
        Panel {
            title: "Failed disks",
            about: "Disks that an array has thrown out, and that are still there.",
            shape: Shape::Limits(1.0, 2.0),
            unit: "short",
            queries: one("node_md_disks{job=\"node-exporter\",state=\"failed\"}", "{{node}} {{device}}"),
            width: 6,
        },
        Panel {
            title: "Active disks",
            about: "Disks at work in each array.",
            shape: Shape::AtLeast(1.0),
            unit: "short",
            queries: one("node_md_disks{job=\"node-exporter\",state=\"active\"}", "{{node}} {{device}}"),
            width: 6,
        },
        Panel {
            title: "In step",
            about: "How much of each array is in step: less than all while it is rebuilt, checked or grown.",
            shape: Shape::AtLeast(1.0),
            unit: "percentunit",
            queries: one(
                "node_md_blocks_synced{job=\"node-exporter\"} / node_md_blocks{job=\"node-exporter\"}",
                "{{node}} {{device}}",
            ),
            width: 6,
        },
    ]
}

fn disks() -> Vec<Panel> {
    vec![
        Panel {
            title: "Health",
            about: "The disks' own verdict (SMART): 1 is good.",
            shape: Shape::AtLeast(1.0),
            unit: "short",
            queries: one("smartctl_device_smart_status", "{{node}} {{device}}"),
            width: 6,
        },
        Panel {
            title: "Bad sectors",
            about: "Sectors that were replaced (5), that wait for it (197), or that no self test can read (198).",
            shape: Shape::Lines,
            unit: "short",
            queries: one(
                "smartctl_device_attribute{attribute_id=~\"5|197|198\",attribute_value_type=\"raw\"}",
                "{{node}} {{device}} {{attribute_name}}",
            ),
            width: 6,
        },
        Panel {
            title: "Temperature",
            about: "As the disks measure it.",
            shape: Shape::Lines,
            unit: "celsius",
            queries: one("smartctl_device_temperature{temperature_type=\"current\"}", "{{node}} {{device}}"),
            width: 6,
        },
        Panel {
            title: "Wear of SSDs",
            about: "How much of what an NVMe disk may write in its life it has written.",
            shape: Shape::Limits(80.0, 100.0),
            unit: "percent",
            queries: one("smartctl_device_percentage_used", "{{node}} {{device}}"),
            width: 6,
        },
        Panel {
            title: "Busy",
            about: "The part of the time in which a disk had something to do.",
            shape: Shape::Lines,
            unit: "percentunit",
            queries: one(
                "rate(node_disk_io_time_seconds_total{job=\"node-exporter\",device=~\"sd.*|nvme.*|vd.*\"}[5m])",
                "{{node}} {{device}}",
            ),
            width: 24,
        },
    ]
}

fn space(site: &Site<'_>) -> Vec<Panel> {
    let volume = format!("{{job=\"node-exporter\",mountpoint=\"{}\"}}", site.monitoring.volume);
    vec![
        Panel {
            title: "Filesystems",
            about: "How full each filesystem is.",
            shape: Shape::Bars(0.8, 0.95),
            unit: "percentunit",
            queries: one(
                "1 - node_filesystem_avail_bytes{job=\"node-exporter\",fstype!=\"vfat\"}\n\
                 / node_filesystem_size_bytes{job=\"node-exporter\",fstype!=\"vfat\"}",
                "{{node}} {{mountpoint}}",
            ),
            width: 8,
        },
        Panel {
            title: "Capacity",
            about: "The volume that holds the data, over time.",
            shape: Shape::Lines,
            unit: "bytes",
            queries: vec![
                (format!("node_filesystem_size_bytes{volume}"), "{{node}} size"),
                (format!("node_filesystem_size_bytes{volume} - node_filesystem_avail_bytes{volume}"), "{{node}} used"),
            ],
            width: 8,
        },
        Panel {
            title: "Write cache: not on the disks yet",
            about: "What the write cache holds that the disks behind it do not have yet (dirty blocks).",
            shape: Shape::Lines,
            unit: "bytes",
            queries: vec![
                (
                    "homehive_writecache_dirty_blocks * homehive_writecache_block_size_bytes".to_owned(),
                    "{{node}} {{volume}}",
                ),
                (
                    "homehive_writecache_blocks * homehive_writecache_block_size_bytes".to_owned(),
                    "{{node}} {{volume}} size",
                ),
            ],
            width: 8,
        },
    ]
}

fn shares() -> Vec<Panel> {
    vec![
        Panel {
            title: "Sessions",
            about: "Who is logged in at each share's server.",
            shape: Shape::Lines,
            unit: "short",
            queries: one("sum by (server) (smb_sessions_total)", "{{server}}"),
            width: 8,
        },
        Panel {
            title: "Machines at a share",
            about: "How many computers use each share.",
            shape: Shape::Lines,
            unit: "short",
            queries: one("sum by (service) (smb_share_activity)", "{{service}}"),
            width: 8,
        },
        Panel {
            title: "Who is there",
            about: "How many shares each computer uses.",
            shape: Shape::Lines,
            unit: "short",
            queries: one("sum by (machine) (smb_share_byremote)", "{{machine}}"),
            width: 8,
        },
    ]
}

fn backups(site: &Site<'_>) -> Vec<Panel> {
    #[expect(clippy::cast_precision_loss, reason = "minutes of some days")]
    let limit = site.monitoring.backup_age.minutes() as f64 * 60.0;
    vec![
        Panel {
            title: "Since the last backup",
            about: "How long ago the last backup of each Mac was completed.",
            shape: Shape::Limits(limit / 2.0, limit),
            unit: "s",
            queries: one(
                "time() - max by (share, mac) (homehive_backup_completed_timestamp_seconds)",
                "{{mac}} ({{share}})",
            ),
            width: 16,
        },
        Panel {
            title: "Macs",
            about: "How many Macs have a backup on each share.",
            shape: Shape::AtLeast(1.0),
            unit: "short",
            queries: one("max by (share) (homehive_backup_images)", "{{share}}"),
            width: 8,
        },
    ]
}
