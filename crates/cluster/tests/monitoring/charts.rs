//! Values of charts: every key is one that the chart has, and the chart renders what was meant. `HOMEHIVE_CHARTS` names a
//! folder with the charts at the catalogue's versions, each under its name, dependencies under its `charts`.

use crate::common::{EXAMPLES, rendered};
use crate::tool::{succeeds, tool};
use serde_json::Value;
use std::path::PathBuf;

/// Keys of values that the chart hands on without naming them all: an object of Kubernetes, a configuration file.
const HANDED_ON: [&str; 12] = [
    "alertmanager.config",
    "alertmanager.alertmanagerSpec.securityContext",
    "alertmanager.alertmanagerSpec.storage",
    "defaultRules.disabled",
    "grafana.grafana.ini",
    "grafana.service.annotations",
    "prometheus.prometheusSpec.externalLabels",
    "prometheus.prometheusSpec.securityContext",
    "prometheus.prometheusSpec.storageSpec",
    // `templates/prometheus/prometheus.yaml` says which keys it reads; `what_the_chart_makes_of_it` reads them back.
    "prometheus.prometheusSpec.thanos",
    "prometheusRules.extraLabels",
    "serviceMonitor.extraLabels",
];

fn charts() -> Option<PathBuf> {
    let folder = std::env::var_os("HOMEHIVE_CHARTS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: HOMEHIVE_CHARTS names no folder of charts");
    }
    folder
}

/// The charts of an example: name of the release, of the chart, its version, its values.
fn installed(text: &str) -> Vec<(String, String, String, Value)> {
    let manifests = rendered(text);
    let objects = manifests.iter().flat_map(|manifest| &manifest.objects).map(|object| object.value().clone());
    let charts =
        objects.filter(|value| value["kind"] == "HelmChart" && value["spec"]["targetNamespace"] == "monitoring");
    charts
        .map(|value| {
            let text = |pointer: &str| value.pointer(pointer).unwrap().as_str().unwrap().to_owned();
            let values = serde_saphyr::from_str(&text("/spec/valuesContent")).unwrap();
            (text("/metadata/name"), text("/spec/chart"), text("/spec/version"), values)
        })
        .collect()
}

/// The paths in `values` that `known` lacks.
fn strangers(values: &Value, known: &Value, path: &str, found: &mut Vec<String>) {
    let Some(values) = values.as_object() else { return };
    for (key, value) in values {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if HANDED_ON.contains(&path.as_str()) {
            continue;
        }
        match known.get(key) {
            Some(known) => strangers(value, known, &path, found),
            None => found.push(path),
        }
    }
}

fn values_of(folder: &std::path::Path, chart: &str) -> Value {
    let path = folder.join(chart).join("values.yaml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_str(&text).unwrap()
}

#[test]
fn every_value_is_one_of_the_chart() {
    let Some(folder) = charts() else { return };
    for (name, text) in EXAMPLES {
        for (_, chart, version, values) in installed(text) {
            let about: Value =
                serde_saphyr::from_str(&std::fs::read_to_string(folder.join(&chart).join("Chart.yaml")).unwrap())
                    .unwrap();
            assert_eq!(
                about["version"],
                version.as_str(),
                "{chart}: the folder has another version than the catalogue"
            );
            let mut known = values_of(&folder, &chart);
            if chart == "kube-prometheus-stack" {
                // A chart takes what its dependencies take, under their names.
                for part in ["grafana", "prometheus-node-exporter", "kube-state-metrics"] {
                    let below = values_of(&folder.join(&chart).join("charts"), part);
                    for (key, value) in below.as_object().unwrap() {
                        if known[part].get(key).is_none() {
                            known[part][key] = value.clone();
                        } else if let Some(deeper) = value.as_object() {
                            for (inner, value) in deeper {
                                if known[part][key].is_object() && known[part][key].get(inner).is_none() {
                                    known[part][key][inner] = value.clone();
                                }
                            }
                        }
                    }
                }
                // Named in a comment alone: `# url: http://prometheus-stack-prometheus:9090/`, `# existingClaim:`.
                known["grafana"]["sidecar"]["datasources"]["url"] = Value::Null;
                known["grafana"]["persistence"]["existingClaim"] = Value::Null;
            }
            let mut found = Vec::new();
            strangers(&values, &known, "", &mut found);
            assert_eq!(found, Vec::<String>::new(), "{name}: {chart} has no such values");
        }
    }
}

/// The objects of the chart with homehive's values.
fn templated(text: &str, release: &str) -> Option<Vec<Value>> {
    let folder = charts()?;
    let mut helm = tool("helm")?;
    let (_, chart, _, values) = installed(text).into_iter().find(|(name, ..)| name == release).unwrap();
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("values.yaml");
    std::fs::write(&path, values.to_string()).unwrap();
    helm.args(["template", release]).arg(folder.join(chart)).args(["--namespace", "monitoring"]);
    helm.args(["--kube-version", "1.34.0", "--values"]).arg(&path).env("HOME", work.path());
    let said = succeeds(&mut helm);
    let documents = said.split("\n---\n").filter(|text| text.contains("kind:"));
    Some(documents.map(|text| serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))).collect())
}

fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

#[test]
fn what_the_chart_makes_of_it() {
    let text = EXAMPLES[0].1.replace("[monitoring]\n", "[monitoring]\naddress = \"192.168.1.240\"\n");
    let Some(objects) = templated(&text, "kube-prometheus-stack") else { return };
    let prometheus = &named(&objects, "Prometheus", "kube-prometheus-stack-prometheus")["spec"];
    assert_eq!(prometheus["thanos"]["objectStorageConfig"]["name"], "thanos-objstore");
    assert_eq!(prometheus["thanos"]["objectStorageConfig"]["key"], "objstore.yml");
    assert_eq!(prometheus["thanos"]["volumeMounts"][0]["mountPath"], "/thanos");
    assert_eq!(prometheus["volumes"][0]["persistentVolumeClaim"]["claimName"], "thanos");
    assert_eq!(prometheus["securityContext"]["runAsUser"], 1000);
    assert_eq!(prometheus["serviceMonitorSelector"]["matchLabels"]["release"], "kube-prometheus-stack");
    assert_eq!(prometheus["ruleSelector"]["matchLabels"]["release"], "kube-prometheus-stack");
    assert_eq!(prometheus["podMonitorSelector"]["matchLabels"]["release"], "kube-prometheus-stack");
    let alertmanager = &named(&objects, "Alertmanager", "kube-prometheus-stack-alertmanager")["spec"];
    assert_eq!(alertmanager["secrets"][0], "alertmanager-mail");
    assert!(alertmanager["storage"]["volumeClaimTemplate"]["spec"].is_object());
    let grafana = named(&objects, "Service", "kube-prometheus-stack-grafana");
    assert_eq!(grafana["spec"]["type"], "LoadBalancer");
    assert_eq!(grafana["metadata"]["annotations"]["metallb.io/loadBalancerIPs"], "192.168.1.240");
    let deployment = &named(&objects, "Deployment", "kube-prometheus-stack-grafana")["spec"];
    assert_eq!(deployment["strategy"]["type"], "Recreate");
    let text = serde_json::to_string(deployment).unwrap();
    assert!(text.contains("\"claimName\":\"grafana\"") && text.contains("\"name\":\"grafana-admin\""), "{text}");
    assert!(!text.contains("init-chown-data"), "{text}");
    let secrets = objects.iter().filter(|object| object["kind"] == "Secret");
    assert!(
        !secrets.map(Value::to_string).any(|text| text.contains("admin-password")),
        "the password is not the chart's"
    );
    let source = named(&objects, "ConfigMap", "kube-prometheus-stack-grafana-datasource").to_string();
    assert!(source.contains("url: http://thanos-query:10902/"), "{source}");
    named(&objects, "Service", "kube-prometheus-stack-thanos-discovery");
    named(&objects, "ServiceMonitor", "kube-prometheus-stack-thanos-sidecar");
    for part in ["kube-controller-manager", "kube-scheduler", "kube-proxy", "kube-etcd"] {
        let there = objects.iter().any(|object| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            object["kind"] == "ServiceMonitor" && name.ends_with(part)
        });
        assert!(!there, "{part} is watched, and never there");
    }
    let rules: String =
        objects.iter().filter(|object| object["kind"] == "PrometheusRule").map(Value::to_string).collect();
    for alert in ["NodeRAIDDegraded", "NodeFilesystemSpaceFillingUp", "KubeSchedulerDown", "etcdMembersDown"] {
        assert!(!rules.contains(&format!("\"{alert}\"")), "{alert}");
    }
    assert!(rules.contains("\"Watchdog\""));
    let exporter = named(&objects, "DaemonSet", "kube-prometheus-stack-prometheus-node-exporter").to_string();
    assert!(exporter.contains("--collector.textfile.directory=/host/root/var/lib/host-metrics"), "{exporter}");
    assert!(exporter.contains("\"mountPath\":\"/host/root\""), "{exporter}");
}

#[test]
fn disks_are_asked_and_told_of() {
    let Some(objects) = templated(EXAMPLES[0].1, "smartctl-exporter") else { return };
    for kind in ["ServiceMonitor", "PrometheusRule"] {
        let found: Vec<&Value> = objects.iter().filter(|object| object["kind"] == kind).collect();
        assert_eq!(found.len(), 1, "{kind}");
        assert_eq!(found[0]["metadata"]["labels"]["release"], "kube-prometheus-stack", "{kind}");
    }
    let rule = objects.iter().find(|object| object["kind"] == "PrometheusRule").unwrap();
    let Some(mut promtool) = tool("promtool") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    std::fs::write(&path, rule["spec"].to_string()).unwrap();
    let said = succeeds(promtool.args(["check", "rules"]).arg(&path));
    assert!(said.contains("SUCCESS: 5 rules found"), "{said}");
}
