//! Monitoring.

use crate::common::{EXAMPLES, fleet};
use crate::{find, find_mut, finds, values, with_values};
use serde_json::{Value, json};

const STACK: &str = "kube-prometheus-stack";

/// The chart takes the object store's Secret in this form only; with another, nothing is uploaded, in silence.
#[test]
fn defect_01_thanos_upload_is_never_on() {
    finds(
        |objects| {
            let values = values(objects, STACK);
            let store = &values["prometheus"]["prometheusSpec"]["thanos"]["objectStorageConfig"]["existingSecret"];
            let (Some(name), Some(key)) = (store["name"].as_str(), store["key"].as_str()) else { return false };
            find(objects, "Secret", name)["data"][key].is_string()
        },
        |objects| {
            with_values(objects, STACK, |values| {
                let store = &mut values["prometheus"]["prometheusSpec"]["thanos"]["objectStorageConfig"];
                *store = store["existingSecret"].clone();
            });
        },
    );
}

/// The directory of blocks is made beforehand, and all that touch it run as its owner, on its machine.
#[test]
fn defect_02_the_directory_of_blocks_has_one_owner() {
    finds(
        |objects| {
            let volume = find(objects, "PersistentVolume", "monitoring-thanos");
            let path = volume["spec"]["local"]["path"].as_str().unwrap();
            let terms = &volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"];
            let machine = &terms[0]["matchExpressions"][0]["values"][0];
            let values = values(objects, STACK);
            let mut pods = vec![values["prometheus"]["prometheusSpec"]["securityContext"].clone()];
            for name in ["thanos-store", "thanos-compact"] {
                let spec = &find(objects, "StatefulSet", name)["spec"]["template"]["spec"];
                if spec["nodeSelector"]["kubernetes.io/hostname"] != *machine {
                    return false;
                }
                pods.push(spec["securityContext"].clone());
            }
            let directories =
                EXAMPLES.iter().flat_map(|(_, text)| cluster::directories(&fleet(text))).collect::<Vec<_>>();
            let owned = directories.iter().filter(|(host, _)| machine == host.as_ref()).flat_map(|(_, all)| all);
            let owners: Vec<(u32, u32)> = owned.filter(|directory| directory.path == path).map(|it| it.owner).collect();
            let own = |pod: &Value| {
                owners.iter().all(|(user, group)| pod["runAsUser"] == *user && pod["runAsGroup"] == *group)
            };
            !owners.is_empty() && pods.iter().all(own)
        },
        |objects| {
            let spec = &mut find_mut(objects, "StatefulSet", "thanos-store")["spec"]["template"]["spec"];
            spec["securityContext"]["runAsUser"] = json!(1001);
        },
    );
}

/// Policies act on the port of the container: where the Service has another one, somebody opens the wrong one.
#[test]
fn defect_03_thanos_has_one_port_everywhere() {
    finds(
        |objects| {
            ["thanos-query", "thanos-store", "thanos-compact"].iter().all(|name| {
                let workload = objects.iter().find(|object| {
                    object["metadata"]["name"] == *name
                        && ["Deployment", "StatefulSet"].contains(&object["kind"].as_str().unwrap())
                });
                let container = &workload.unwrap()["spec"]["template"]["spec"]["containers"][0];
                let ports = find(objects, "Service", name)["spec"]["ports"].as_array().unwrap();
                ports.iter().all(|port| {
                    let mut own = container["ports"].as_array().unwrap().iter();
                    own.any(|own| own["name"] == port["targetPort"] && own["containerPort"] == port["port"])
                })
            })
        },
        |objects| find_mut(objects, "Service", "thanos-query")["spec"]["ports"][0]["port"] = json!(9090),
    );
}

/// Each part of Thanos is asked for its metrics.
#[test]
fn defect_05_thanos_is_watched() {
    finds(
        |objects| {
            let monitors = objects.iter().filter(|object| object["kind"] == "ServiceMonitor");
            let monitors: Vec<&Value> =
                monitors.filter(|monitor| monitor["metadata"]["labels"]["release"] == STACK).collect();
            let watched = |name: &str| {
                let service = find(objects, "Service", name);
                monitors.iter().any(|monitor| {
                    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
                    let port = &monitor["spec"]["endpoints"][0]["port"];
                    let mut ports = service["spec"]["ports"].as_array().unwrap().iter();
                    wanted.iter().all(|(key, value)| service["metadata"]["labels"][key] == *value)
                        && ports.any(|own| own["name"] == *port)
                })
            };
            let sidecar = &values(objects, STACK)["prometheus"];
            ["thanos-query", "thanos-store", "thanos-compact"].into_iter().all(watched)
                && sidecar["thanosService"]["enabled"] == true
                && sidecar["thanosServiceMonitor"]["enabled"] == true
        },
        |objects| objects.retain(|object| object["kind"] != "ServiceMonitor"),
    );
}

/// Prometheus takes monitors and rules with its release's label alone.
#[test]
fn defect_06_prometheus_takes_what_is_meant_for_it() {
    finds(
        |objects| {
            let disks = values(objects, "smartctl-exporter");
            let kinds = ["ServiceMonitor", "PodMonitor", "PrometheusRule"];
            let mut own = objects.iter().filter(|object| kinds.contains(&object["kind"].as_str().unwrap()));
            own.all(|object| object["metadata"]["labels"]["release"] == STACK)
                && ["serviceMonitor", "prometheusRules"]
                    .iter()
                    .all(|part| disks[part]["enabled"] == true && disks[part]["extraLabels"]["release"] == STACK)
        },
        |objects| {
            with_values(objects, "smartctl-exporter", |values| {
                values["serviceMonitor"].as_object_mut().unwrap().remove("extraLabels");
            });
        },
    );
}

fn expressions(objects: &[Value]) -> Vec<String> {
    let rules = objects.iter().filter(|object| object["kind"] == "PrometheusRule");
    let groups = rules.flat_map(|object| object["spec"]["groups"].as_array().unwrap());
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules.map(|rule| rule["expr"].as_str().unwrap().to_owned()).collect()
}

/// Claims that are directories have no size of their own: their filesystem is watched.
#[test]
fn defect_07_space_is_watched_where_it_is() {
    finds(
        |objects| {
            let all = expressions(objects);
            let filesystem = |expr: &String| expr.contains("node_filesystem_avail_bytes") && expr.contains("/data");
            let claims = all.iter().filter(|expr| expr.contains("kubelet_volume_stats"));
            all.iter().any(filesystem)
                && claims.clone().count() == 1
                && claims.clone().all(|expr| expr.contains("storageclass!~"))
        },
        |objects| {
            let rule = objects.iter_mut().find(|object| object["kind"] == "PrometheusRule").unwrap();
            rule["spec"]["groups"].as_array_mut().unwrap().retain(|group| group["name"] != "homehive-filesystems");
        },
    );
}

/// k3s has these parts inside of itself: as targets they would be down for ever.
#[test]
fn defect_08_embedded_parts_are_not_targets() {
    let parts = ["kubeControllerManager", "kubeScheduler", "kubeProxy", "kubeEtcd"];
    finds(
        |objects| parts.iter().all(|part| values(objects, STACK)[part]["enabled"] == false),
        |objects| {
            with_values(objects, STACK, |values| {
                values.as_object_mut().unwrap().remove("kubeEtcd");
            });
        },
    );
}

/// Watchdog fires always: it reaches nobody. (The route is tested by Alertmanager's own tool beside this.)
#[test]
fn defect_09_watchdog_is_not_mailed() {
    finds(
        |objects| {
            let config = &values(objects, STACK)["alertmanager"]["config"];
            let nobody = config["receivers"].as_array().unwrap().iter().any(|it| *it == json!({ "name": "null" }));
            let routes = config["route"]["routes"].as_array().unwrap();
            let first = routes.iter().find(|route| route["matchers"] == json!(["alertname = \"Watchdog\""]));
            nobody && first.is_some_and(|route| route["receiver"] == "null")
        },
        |objects| {
            with_values(objects, STACK, |values| {
                let routes = values["alertmanager"]["config"]["route"]["routes"].as_array_mut().unwrap();
                routes.retain(|route| !route["matchers"].to_string().contains("Watchdog"));
            });
        },
    );
}

/// What was measured outlives claims.
#[test]
fn defect_10_volumes_are_retained() {
    let ours = |object: &&Value| object["metadata"]["name"].as_str().unwrap().starts_with("monitoring-");
    finds(
        |objects| {
            let volumes = objects.iter().filter(|object| object["kind"] == "PersistentVolume").filter(ours);
            volumes.clone().count() == 4
                && volumes.clone().all(|it| it["spec"]["persistentVolumeReclaimPolicy"] == "Retain")
        },
        |objects| {
            find_mut(objects, "PersistentVolume", "monitoring-grafana")["spec"]["persistentVolumeReclaimPolicy"] =
                json!("Delete");
        },
    );
}

/// A chart whose upgrade fails is not uninstalled, claims and all.
#[test]
fn defect_11_a_failed_upgrade_removes_nothing() {
    finds(
        |objects| {
            let mut charts = objects.iter().filter(|object| object["kind"] == "HelmChart");
            charts.all(|chart| chart["spec"]["failurePolicy"] == "abort")
        },
        |objects| {
            find_mut(objects, "HelmChart", STACK)["spec"].as_object_mut().unwrap().remove("failurePolicy");
        },
    );
}

/// Passwords come from Secrets that are made on the machines.
#[test]
fn defect_12_no_password_is_rendered() {
    finds(
        |objects| {
            let values = values(objects, STACK);
            let global = &values["alertmanager"]["config"]["global"];
            let secret = values["alertmanager"]["alertmanagerSpec"]["secrets"][0].as_str().unwrap_or_default();
            let file = format!("/etc/alertmanager/secrets/{secret}/password");
            global["smtp_auth_password_file"] == file.as_str()
                && global.get("smtp_auth_password").is_none()
                && values["grafana"].get("adminPassword").is_none()
                && values["grafana"]["admin"]["existingSecret"] == "grafana-admin"
        },
        |objects| {
            with_values(objects, STACK, |values| {
                values["alertmanager"]["config"]["global"]["smtp_auth_password"] = json!("hunter2");
            });
        },
    );
}

/// Bitnami's images of Thanos are gone, and its chart's policies void default deny.
#[test]
fn defect_15_thanos_comes_from_its_makers() {
    finds(
        |objects| {
            let text = serde_json::to_string(objects).unwrap();
            let images = text.split("\"image\":\"").skip(1).filter_map(|rest| rest.split('"').next());
            let all: Vec<&str> = images.filter(|image| image.contains("thanos")).collect();
            let own = |image: &&str| image.starts_with("quay.io/thanos/thanos:v");
            all.len() >= 3 && all.iter().all(own) && !text.contains("bitnami")
        },
        |objects| {
            let spec = &mut find_mut(objects, "Deployment", "thanos-query")["spec"]["template"]["spec"];
            spec["containers"][0]["image"] = json!("docker.io/bitnami/thanos:0.39.0");
        },
    );
}

/// Blocks in a directory are on one machine: whoever reads them is there. Elsewhere, an object store has them.
#[test]
fn defect_16_a_directory_of_blocks_is_on_one_machine() {
    let store =
        "[monitoring]\nobject_store = { endpoint = \"s3.home.arpa:9000\", bucket = \"thanos\", insecure = true }\n";
    let (_, text) = EXAMPLES[1];
    let config = |objects: &[Value]| {
        let data = &find(objects, "Secret", "thanos-objstore")["data"]["objstore.yml"];
        // The one place in these tests that reads base64: it is compared with what it must be.
        data.as_str().unwrap().to_owned()
    };
    let directory = crate::objects(text);
    let remote = crate::objects(&text.replace("[monitoring]\n", store));
    // printf 'type: FILESYSTEM\nconfig:\n  directory: /thanos/blocks\n' | base64
    assert_eq!(config(&directory), "dHlwZTogRklMRVNZU1RFTQpjb25maWc6CiAgZGlyZWN0b3J5OiAvdGhhbm9zL2Jsb2Nrcwo=");
    assert_ne!(config(&remote), config(&directory));
    let sidecar = |objects: &[Value]| values(objects, STACK)["prometheus"]["prometheusSpec"].to_string();
    assert!(sidecar(&directory).contains("\"mountPath\":\"/thanos\""));
    assert!(!sidecar(&remote).contains("/thanos\""), "nothing of a directory is left");
    for (who, text) in [
        ("sidecar", sidecar(&remote)),
        ("store", find(&remote, "StatefulSet", "thanos-store").to_string()),
        ("compactor", find(&remote, "StatefulSet", "thanos-compact").to_string()),
    ] {
        for word in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "\"name\":\"thanos-s3\""] {
            assert!(text.contains(word), "{who}: {word}");
        }
    }
}

/// Two pods cannot have the one volume.
#[test]
fn defect_17_grafana_is_recreated() {
    finds(
        |objects| {
            let grafana = &values(objects, STACK)["grafana"];
            grafana["deploymentStrategy"]["type"] == "Recreate"
                && find(objects, "PersistentVolumeClaim", grafana["persistence"]["existingClaim"].as_str().unwrap())
                    .is_object()
        },
        |objects| {
            with_values(objects, STACK, |values| {
                values["grafana"].as_object_mut().unwrap().remove("deploymentStrategy");
            });
        },
    );
}

/// The metrics of the shares are asked for where the exporter listens, by the port's name.
#[test]
fn defect_18_the_shares_are_asked_where_they_answer() {
    finds(
        |objects| {
            let monitor = find(objects, "PodMonitor", "shares");
            let endpoint = &monitor["spec"]["podMetricsEndpoints"][0]["port"];
            let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
            ["storage", "timemachine"].into_iter().all(|share| {
                let template = &find(objects, "Deployment", share)["spec"]["template"];
                let labelled = wanted.iter().all(|(key, value)| template["metadata"]["labels"][key] == *value);
                let mut containers = template["spec"]["containers"].as_array().unwrap().iter();
                labelled
                    && containers.any(|container| {
                        let port = &container["ports"][0];
                        port["name"] == *endpoint
                            && container["args"] == json!([format!("--port={}", port["containerPort"])])
                    })
            })
        },
        |objects| {
            let spec = &mut find_mut(objects, "Deployment", "timemachine")["spec"]["template"]["spec"];
            for container in spec["containers"].as_array_mut().unwrap() {
                if container["name"] == "samba-metrics" {
                    container.as_object_mut().unwrap().remove("args");
                }
            }
        },
    );
}

/// The label that the operator gives to each Prometheus of several.
#[test]
fn defect_19_replicas_are_told_apart_by_their_own_label() {
    finds(
        |objects| {
            let spec = &find(objects, "Deployment", "thanos-query")["spec"]["template"]["spec"];
            let args = spec["containers"][0]["args"].as_array().unwrap();
            args.contains(&json!("--query.replica-label=prometheus_replica"))
        },
        |objects| {
            let spec = &mut find_mut(objects, "Deployment", "thanos-query")["spec"]["template"]["spec"];
            spec["containers"][0]["args"][1] = json!("--query.replica-label=replica");
        },
    );
}

/// Silences outlive a pod.
#[test]
fn defect_24_alertmanager_has_storage() {
    finds(
        |objects| {
            let claim = &values(objects, STACK)["alertmanager"]["alertmanagerSpec"]["storage"]["volumeClaimTemplate"];
            let volume = find(objects, "PersistentVolume", "monitoring-alertmanager");
            claim["spec"]["storageClassName"] == volume["spec"]["storageClassName"]
        },
        |objects| {
            with_values(objects, STACK, |values| {
                values["alertmanager"]["alertmanagerSpec"].as_object_mut().unwrap().remove("storage");
            });
        },
    );
}
