//! Thanos as plain workloads: query, store gateway, compactor. The sidecar is Prometheus' own (see `stack`). All that
//! touch blocks run as the one owner of their directory, on the machine that has it.

use super::names::{OBJECT_STORE, SIDECARS, STORE_KEYS, THANOS_GRPC, THANOS_HTTP};
use super::place::THANOS_DATA;
use super::{Site, stack};
use crate::meta::{labelled, named};
use crate::namespaces::MONITORING;
use crate::{Catalogue, Object, ObjectError, RenderError};
use fleet::Keep;
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

/// Who answers questions of what is new and what is old.
pub(super) const QUERY: &str = "thanos-query";
/// Who reads blocks.
const STORE: &str = "thanos-store";
/// Who thins out blocks, and removes what is too old.
const COMPACT: &str = "thanos-compact";

/// Where the volume is mounted.
const DATA: &str = "/thanos";
/// Where the configuration of the object store is mounted.
const CONFIG: &str = "/etc/thanos";

/// The claim, as a volume of a pod.
pub(super) fn volume() -> Value {
    json!({ "name": "thanos", "persistentVolumeClaim": { "claimName": THANOS_DATA.claim } })
}

/// The volume, in a container.
pub(super) fn mount() -> Value {
    json!({ "name": "thanos", "mountPath": DATA })
}

/// The keys of an object store, as variables that Thanos' S3 client looks for where its configuration has none
/// (docs/storage.md).
pub(super) fn store_keys() -> Value {
    let variable = |name: &str, key: &str| json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": STORE_KEYS, "key": key } } });
    json!([variable("AWS_ACCESS_KEY_ID", "access-key"), variable("AWS_SECRET_ACCESS_KEY", "secret-key")])
}

/// Where blocks are kept. The operator wants a Secret; nothing in it is one.
pub(super) fn object_store(site: &Site<'_>) -> Result<Object, ObjectError> {
    let (name, key) = OBJECT_STORE;
    let config = match &site.monitoring.object_store {
        None => format!("type: FILESYSTEM\nconfig:\n  directory: {DATA}/blocks\n"),
        Some(store) => {
            let region = store.region.as_ref().map(|region| format!("  region: {region}\n")).unwrap_or_default();
            format!(
                "type: S3\nconfig:\n  endpoint: {}\n  bucket: {}\n{region}  insecure: {}\n",
                store.endpoint, store.bucket, store.insecure
            )
        }
    };
    let secret = Secret {
        metadata: named(MONITORING, name),
        data: Some([(key.to_owned(), ByteString(config.into_bytes()))].into()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    Object::of(&secret)
}

/// The three, each with its Service.
pub(super) fn objects(site: &Site<'_>, catalogue: &Catalogue) -> Result<Vec<Object>, RenderError> {
    let image = catalogue.image("thanos")?.to_string();
    let parts = [Part::query(), Part::store(), Part::compact(site)];
    let mut objects = Vec::new();
    for part in &parts {
        objects.push(part.service()?);
        objects.push(part.workload(site, &image)?);
    }
    Ok(objects)
}

/// One program of Thanos.
struct Part {
    name: &'static str,
    args: Vec<String>,
    /// Does it touch blocks?
    keeps: bool,
    /// Do others ask it by gRPC?
    grpc: bool,
    /// What it surely needs.
    memory: &'static str,
}

impl Part {
    fn query() -> Self {
        let endpoint =
            |service: &str| format!("- address: dnssrv+_grpc._tcp.{service}.{MONITORING}.svc.cluster.local\n");
        let args = vec![
            "query".to_owned(),
            // The operator gives each Prometheus this label: series that differ in it alone are one.
            "--query.replica-label=prometheus_replica".to_owned(),
            "--query.auto-downsampling".to_owned(),
            format!("--endpoint.sd-config=endpoints:\n{}{}", endpoint(SIDECARS), endpoint(STORE)),
        ];
        Self { name: QUERY, args, keeps: false, grpc: true, memory: "128Mi" }
    }

    fn store() -> Self {
        let args = vec!["store".to_owned(), format!("--data-dir={DATA}/store"), config()];
        Self { name: STORE, args, keeps: true, grpc: true, memory: "256Mi" }
    }

    fn compact(site: &Site<'_>) -> Self {
        let keep = &site.monitoring.retention;
        let args = vec![
            "compact".to_owned(),
            "--wait".to_owned(),
            format!("--data-dir={DATA}/compact"),
            config(),
            format!("--retention.resolution-raw={}", duration(keep.raw)),
            format!("--retention.resolution-5m={}", duration(keep.five_minutes)),
            format!("--retention.resolution-1h={}", duration(keep.one_hour)),
        ];
        Self { name: COMPACT, args, keeps: true, grpc: false, memory: "256Mi" }
    }

    fn ports(&self) -> Vec<(&'static str, i32)> {
        let grpc = self.grpc.then_some(("grpc", THANOS_GRPC));
        [("http", THANOS_HTTP)].into_iter().chain(grpc).collect()
    }

    fn labels(&self) -> [(&'static str, &'static str); 2] {
        [("app.kubernetes.io/name", "thanos"), ("app.kubernetes.io/instance", self.name)]
    }

    fn meta(&self) -> ObjectMeta {
        labelled(named(MONITORING, self.name), self.labels())
    }

    fn selector(&self) -> Value {
        self.labels()
            .into_iter()
            .map(|(key, value)| (key.to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// Headless where gRPC is asked by name: every pod is found, not one of them.
    fn service(&self) -> Result<Object, ObjectError> {
        let ports: Vec<Value> = self.ports().iter().map(|(name, port)| service_port(name, *port)).collect();
        let mut spec = json!({ "selector": self.selector(), "ports": ports });
        if self.keeps {
            spec["clusterIP"] = json!("None");
        }
        typed::<Service>(json!({ "apiVersion": "v1", "kind": "Service", "metadata": self.meta(), "spec": spec }))
    }

    fn workload(&self, site: &Site<'_>, image: &str) -> Result<Object, ObjectError> {
        let template = json!({
            "metadata": { "labels": self.meta().labels },
            "spec": self.pod(site, image),
        });
        let mut spec = json!({
            "replicas": 1,
            "selector": { "matchLabels": self.selector() },
            "template": template,
        });
        if self.keeps {
            spec["serviceName"] = json!(self.name);
            let object =
                json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": self.meta(), "spec": spec });
            typed::<StatefulSet>(object)
        } else {
            let object =
                json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": self.meta(), "spec": spec });
            typed::<Deployment>(object)
        }
    }

    fn pod(&self, site: &Site<'_>, image: &str) -> Value {
        let ports: Vec<Value> = self
            .ports()
            .iter()
            .map(|(name, port)| json!({ "name": name, "containerPort": port, "protocol": "TCP" }))
            .collect();
        let probe = |path: &str, failures: u32| {
            json!({
                "httpGet": { "path": path, "port": "http" },
                "periodSeconds": 30,
                "failureThreshold": failures,
            })
        };
        let mut container = json!({
            "name": self.name,
            "image": image,
            "args": self.args,
            "ports": ports,
            "readinessProbe": probe("/-/ready", 20),
            "livenessProbe": probe("/-/healthy", 4),
            "resources": { "requests": { "cpu": "10m", "memory": self.memory } },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
        });
        let mut spec = json!({
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": stack::pod_security(),
        });
        if self.keeps {
            let config = json!({ "name": "objstore", "secret": { "secretName": OBJECT_STORE.0 } });
            container["volumeMounts"] = json!([mount(), { "name": "objstore", "mountPath": CONFIG, "readOnly": true }]);
            if site.monitoring.object_store.is_some() {
                container["env"] = store_keys();
            }
            // The volume pins it to its machine, too; this says so where people look.
            spec["nodeSelector"] = json!({ "kubernetes.io/hostname": site.machine });
            spec["volumes"] = json!([volume(), config]);
        }
        spec["containers"] = json!([container]);
        spec
    }
}

fn config() -> String {
    format!("--objstore.config-file={CONFIG}/{}", OBJECT_STORE.1)
}

fn service_port(name: &str, port: i32) -> Value {
    json!({ "name": name, "port": port, "targetPort": name, "protocol": "TCP" })
}

/// An object of a kind of Kubernetes' own: what the kind does not have is lost on the way, and found by the tests.
fn typed<T: serde::Serialize + serde::de::DeserializeOwned>(value: Value) -> Result<Object, ObjectError> {
    Object::of(&serde_json::from_value::<T>(value)?)
}

/// A length of time in Thanos' words, in which `0d` is for ever and `m` a minute.
fn duration(keep: Keep) -> String {
    match keep {
        Keep::Forever => "0d".to_owned(),
        Keep::For(span) => match span.minutes() {
            minutes if minutes.is_multiple_of(24 * 60) => format!("{}d", minutes / (24 * 60)),
            minutes => format!("{minutes}m"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations() {
        for (text, expected) in [("30d", "30d"), ("72h", "3d"), ("50h", "3000m"), ("4320min", "3d"), ("forever", "0d")]
        {
            assert_eq!(duration(text.parse().unwrap()), expected, "{text}");
        }
    }
}
