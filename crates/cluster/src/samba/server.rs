//! A share's server, as the operator v0.8 would build it for users of its own, but for five things: never two at once on
//! the same data (`Recreate`; each has its own locks), the metrics exporter listens where it is probed, and asks the API
//! server nothing, a new image in the catalogue reaches servers that are there, and the users stand ready before the first
//! container starts. Another list of users starts it anew: who makes the list sees to it (`secrets::Secret::reader`).

use super::share::labels;
use super::{METRICS_PORT, METRICS_PORT_NAME, SMB_PORT};
use crate::catalogue::Image;
use crate::meta::{labelled, named, texts};
use crate::namespaces::SAMBA;
use crate::{Catalogue, RenderError, secrets};
use fleet::{Share, ShareName};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, EnvVar, EnvVarSource, KeyToPath,
    ObjectFieldSelector, PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec, Probe, SecretVolumeSource,
    SecurityContext, TCPSocketAction, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

const DATA: &str = "data";
const STATE: &str = "samba-state-dir";
const CONFIG: &str = "samba-container-config";
const RUN: &str = "run";
const USERS: &str = "users-config";

/// The server's Deployment.
pub(super) fn deployment(name: &ShareName, share: &Share, catalogue: &Catalogue) -> Result<Deployment, RenderError> {
    let meta = labelled(named(SAMBA, name.as_ref()), labels(name));
    let mut pod_meta = meta.clone();
    (pod_meta.name, pod_meta.namespace) = (None, None);
    let spec = DeploymentSpec {
        replicas: Some(1),
        strategy: Some(DeploymentStrategy { type_: Some("Recreate".into()), ..DeploymentStrategy::default() }),
        selector: LabelSelector {
            match_labels: Some(texts([(super::share::SERVER, name.as_ref())])),
            ..LabelSelector::default()
        },
        template: PodTemplateSpec { metadata: Some(pod_meta), spec: Some(pod(name, share, catalogue)?) },
        ..DeploymentSpec::default()
    };
    Ok(Deployment { metadata: meta, spec: Some(spec), ..Deployment::default() })
}

fn pod(name: &ShareName, share: &Share, catalogue: &Catalogue) -> Result<PodSpec, RenderError> {
    let (server, metrics) = (catalogue.image("samba-server")?, catalogue.image("samba-metrics")?);
    let all = [DATA, STATE, CONFIG, RUN, USERS];
    let env = [container_env(name), pod_env()].concat();
    let smbd = Container {
        command: Some(words(&["samba-container"])),
        args: Some(words(&["run", "smbd"])),
        env: Some(env.clone()),
        ports: Some(vec![port("smb", SMB_PORT)]),
        readiness_probe: Some(probe(SMB_PORT)),
        liveness_probe: Some(probe(SMB_PORT)),
        security_context: Some(privileged()),
        ..container("samba", server, name, &all)
    };
    let watch = Container {
        args: Some(words(&["update-config", "--watch"])),
        env: Some(env.clone()),
        ..container("watch-update-config", server, name, &all)
    };
    let exporter = Container {
        command: Some(words(&["/bin/smbmetrics"])),
        args: Some(vec![format!("--port={METRICS_PORT}")]),
        // Told which pod it is in, it asks the API server for it at every scrape (resolveSambaImage), to name an image that
        // is known here; it may not, by its rights and by the policies, and each scrape would wait until that is clear.
        env: None,
        ports: Some(vec![port(METRICS_PORT_NAME, METRICS_PORT)]),
        readiness_probe: Some(probe(METRICS_PORT)),
        liveness_probe: Some(probe(METRICS_PORT)),
        ..container("samba-metrics", metrics, name, &[STATE, CONFIG, RUN, USERS])
    };
    let paths = Container {
        args: Some(words(&["ensure-share-paths"])),
        env: Some(env),
        security_context: Some(privileged()),
        ..container("ensure-share-paths", server, name, &[DATA, STATE, CONFIG, USERS])
    };
    Ok(PodSpec {
        node_selector: Some(texts([("kubernetes.io/hostname", share.machine.as_ref())])),
        // The exporter asks the server's processes.
        share_process_namespace: Some(true),
        init_containers: Some(vec![paths]),
        containers: vec![smbd, watch, exporter],
        volumes: Some(volumes(name)),
        ..PodSpec::default()
    })
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn container(name: &str, image: &Image, share: &ShareName, volumes: &[&str]) -> Container {
    let mount = |volume: &&str| VolumeMount {
        name: (*volume).to_owned(),
        mount_path: match *volume {
            // The operator's path for the data of a server that is named.
            DATA => format!("/mnt/{share}"),
            STATE => "/var/lib/samba".into(),
            CONFIG => "/etc/container-config".into(),
            USERS => "/etc/container-users".into(),
            _ => "/run".into(),
        },
        ..VolumeMount::default()
    };
    Container {
        name: name.to_owned(),
        image: Some(image.to_string()),
        image_pull_policy: Some("IfNotPresent".into()),
        volume_mounts: Some(volumes.iter().map(mount).collect()),
        ..Container::default()
    }
}

fn volumes(name: &ShareName) -> Vec<Volume> {
    let volume = |name: &str| Volume { name: name.to_owned(), ..Volume::default() };
    let empty = |medium: Option<&str>| EmptyDirVolumeSource { medium: medium.map(str::to_owned), size_limit: None };
    let users = KeyToPath { key: "users.json".into(), path: "users.json".into(), mode: None };
    vec![
        Volume {
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: name.to_string(),
                read_only: None,
            }),
            ..volume(DATA)
        },
        Volume { empty_dir: Some(empty(None)), ..volume(STATE) },
        Volume {
            // The operator writes it.
            config_map: Some(ConfigMapVolumeSource { name: name.to_string(), ..ConfigMapVolumeSource::default() }),
            ..volume(CONFIG)
        },
        Volume { empty_dir: Some(empty(Some("Memory"))), ..volume(RUN) },
        Volume {
            secret: Some(SecretVolumeSource {
                secret_name: Some(secrets::share_users(name)),
                items: Some(vec![users]),
                ..SecretVolumeSource::default()
            }),
            ..volume(USERS)
        },
    ]
}

fn container_env(name: &ShareName) -> Vec<EnvVar> {
    let set = |key: &str, value: &str| EnvVar { name: key.into(), value: Some(value.into()), value_from: None };
    vec![
        set("SAMBA_CONTAINER_ID", name.as_ref()),
        set("SAMBACC_CONFIG", "/etc/container-config/config.json:/etc/container-users/users.json"),
    ]
}

fn pod_env() -> Vec<EnvVar> {
    let field = |key: &str, path: &str| EnvVar {
        name: key.into(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector { field_path: path.into(), api_version: None }),
            ..EnvVarSource::default()
        }),
    };
    vec![field("SAMBA_POD_NAME", "metadata.name"), field("SAMBA_POD_NAMESPACE", "metadata.namespace")]
}

fn port(name: &str, number: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.into()),
        container_port: number.into(),
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    }
}

fn probe(port: u16) -> Probe {
    let socket = TCPSocketAction { port: IntOrString::Int(port.into()), host: None };
    Probe { tcp_socket: Some(socket), ..Probe::default() }
}

fn privileged() -> SecurityContext {
    SecurityContext { privileged: Some(true), run_as_non_root: Some(false), ..SecurityContext::default() }
}
