//! Who is asked for metrics beside what the chart brings: the disks, Thanos, the shares' servers.

use super::names::RELEASE;
use super::{selected, stack};
use crate::kinds::monitoring::{Endpoint, NamespaceSelector, PodMonitor, Relabeling, ServiceMonitor};
use crate::meta::texts;
use crate::namespaces::SAMBA;
use crate::samba::METRICS_PORT_NAME;
use crate::{Object, ObjectError, kinds};
use fleet::Fleet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Value, json};

/// The values of prometheus-smartctl-exporter.
pub(super) fn smartctl_values() -> Value {
    json!({
        "serviceMonitor": {
            "enabled": true,
            // Without it Prometheus does not take the monitor.
            "extraLabels": { "release": RELEASE },
            "relabelings": [stack::node_label()],
        },
        "prometheusRules": {
            "enabled": true,
            "extraLabels": { "release": RELEASE },
            // A disk behind an older controller is slower than it could be, for ever.
            "rules": { "smartCTLDInterfaceSlow": { "enabled": false } },
        },
    })
}

/// Thanos' own parts, and the metrics of each share's server if the fleet has shares.
pub(super) fn monitors(fleet: &Fleet) -> Result<Vec<Object>, ObjectError> {
    let thanos = ServiceMonitor {
        job_label: Some("app.kubernetes.io/instance".to_owned()),
        selector: labels([("app.kubernetes.io/name", "thanos")]),
        namespace_selector: None,
        endpoints: vec![Endpoint { port: "http".to_owned(), ..Endpoint::default() }],
    };
    let mut all = vec![kinds::object(&selected("thanos"), &thanos)?];
    if !fleet.shares.is_empty() {
        // Not `share`: some series of the exporter bring a label of that name.
        let server = Relabeling {
            source_labels: vec!["__meta_kubernetes_pod_label_samba_operator_samba_org_service".to_owned()],
            target_label: Some("server".to_owned()),
            ..Relabeling::default()
        };
        let shares = PodMonitor {
            job_label: Some("app.kubernetes.io/name".to_owned()),
            pod_target_labels: Vec::new(),
            selector: labels([("app.kubernetes.io/name", "samba")]),
            namespace_selector: Some(NamespaceSelector { match_names: vec![SAMBA.to_owned()] }),
            // smbstatus(1) goes through all sessions: not too often.
            pod_metrics_endpoints: vec![Endpoint {
                port: METRICS_PORT_NAME.to_owned(),
                interval: Some("1m".to_owned()),
                relabelings: vec![server],
                ..Endpoint::default()
            }],
        };
        all.push(kinds::object(&selected("shares"), &shares)?);
    }
    Ok(all)
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> LabelSelector {
    LabelSelector { match_labels: Some(texts(pairs)), ..LabelSelector::default() }
}
