//! What is wrong in configurations made by hand, and must not come back, of load balancer, charts, volumes and shares. Each
//! test judges what is rendered, and shows that it would have found the defect.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

use cluster::{Object, Wave};
use serde_json::{Value, json};

/// Judges objects: what is wrong with them.
type Judge = fn(&[Object]) -> Result<(), String>;

/// Finds nothing wrong with the examples, and something once they are changed to what they must not be.
fn judged(judge: Judge, kind: &str, name: &str, at: &str, old: Value) {
    for (example, text) in common::EXAMPLES {
        judge(&common::objects(text)).unwrap_or_else(|reason| panic!("{example}: {reason}"));
    }
    let mut objects = common::objects(common::EXAMPLES[0].1);
    let object = objects.iter_mut().find(|it| it.key().kind == kind && it.key().name == name);
    let object = object.unwrap_or_else(|| panic!("no {kind} {name}"));
    let (parent, key) = at.rsplit_once('/').unwrap();
    let parent = object.value_mut().pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    match (parent, old) {
        (Value::Object(map), Value::Null) => drop(map.remove(key)),
        (Value::Object(map), old) => drop(map.insert(key.to_owned(), old)),
        (Value::Array(list), old) => list[key.parse::<usize>().unwrap()] = old,
        (other, _) => panic!("{at}: {other}"),
    }
    assert!(judge(&objects).is_err(), "the defect would not be found");
}

fn of<'a>(objects: &'a [Object], kind: &'a str) -> impl Iterator<Item = &'a Object> {
    objects.iter().filter(move |it| it.key().kind == kind)
}

/// Every object of the kind has one of these values there.
fn all(objects: &[Object], kind: &str, at: &str, wanted: &Value) -> Result<(), String> {
    if of(objects, kind).next().is_none() {
        return Err(format!("no {kind}"));
    }
    match of(objects, kind).find(|it| it.value().pointer(at) != Some(wanted)) {
        Some(object) => Err(format!("{}: {at} is {:?}", object.key(), object.value().pointer(at))),
        None => Ok(()),
    }
}

#[test]
fn defect_10_a_claim_that_goes_takes_its_share_along() {
    let kept: Judge =
        |objects| all(objects, "PersistentVolume", "/spec/persistentVolumeReclaimPolicy", &json!("Retain"));
    judged(kept, "PersistentVolume", "share-timemachine", "/spec/persistentVolumeReclaimPolicy", json!("Delete"));
    // And no share lies on a class that makes volumes of its own, as k3s' local-path does.
    let class: Judge =
        |objects| all(objects, "PersistentVolumeClaim", "/spec/storageClassName", &json!("homehive-local"));
    judged(class, "PersistentVolumeClaim", "timemachine", "/spec/storageClassName", json!("local-path"));
    let makes_none: Judge =
        |objects| all(objects, "StorageClass", "/provisioner", &json!("kubernetes.io/no-provisioner"));
    judged(makes_none, "StorageClass", "homehive-local", "/provisioner", json!("rancher.io/local-path"));
}

#[test]
fn defect_11_a_failed_upgrade_uninstalls_the_chart() {
    let abort: Judge = |objects| all(objects, "HelmChart", "/spec/failurePolicy", &json!("abort"));
    judged(abort, "HelmChart", "metallb", "/spec/failurePolicy", Value::Null);
}

/// Definitions before operators before objects; what a webhook judges comes after what brings the webhook.
#[test]
fn defect_13_objects_race_their_definitions() {
    for (example, text) in common::EXAMPLES {
        for manifest in common::rendered(text) {
            for object in &manifest.objects {
                let key = object.key();
                let group = key.api_version.split('/').next().unwrap_or_default();
                let least = match group {
                    "metallb.io" | "samba-operator.samba.org" | "monitoring.coreos.com" => Wave::Objects,
                    "helm.cattle.io" => Wave::Operators,
                    "apiextensions.k8s.io" => Wave::Definitions,
                    _ => Wave::Ground,
                };
                assert!(manifest.wave >= least, "{example}: {key} in {}", manifest.file_name());
                let definition = key.kind == "CustomResourceDefinition";
                assert!(!definition || manifest.wave == Wave::Definitions, "{example}: {key} comes late");
            }
        }
        // Files are read in the order of their names, which is that of the waves.
        let waves: Vec<Wave> = common::rendered(text).iter().map(|it| it.wave).collect();
        assert!(waves.is_sorted(), "{example}: {waves:?}");
    }
}

#[test]
fn defect_14_routers_where_there_are_none() {
    let values = |objects: &[Object]| {
        let chart = of(objects, "HelmChart").find(|it| it.key().name == "metallb").ok_or("no MetalLB")?;
        let text = chart.value().pointer("/spec/valuesContent").and_then(Value::as_str).ok_or("no values")?;
        serde_saphyr::from_str::<Value>(text).map_err(|error| error.to_string())
    };
    for (_, text) in common::EXAMPLES {
        let values = values(&common::objects(text)).unwrap();
        // In 0.16 frr-k8s is on unless it is turned off.
        assert_eq!(values.pointer("/frrk8s/enabled"), Some(&json!(false)));
        assert_eq!(values.pointer("/speaker/frr/enabled"), Some(&json!(false)));
    }
}

/// The exporter of v0.8 listens on 9922 unless it is told, and is asked on 8080.
#[test]
fn defect_18_the_exporter_listens_elsewhere_than_it_is_asked() {
    let agrees: Judge = |objects| {
        let servers: Vec<&Object> =
            of(objects, "Deployment").filter(|it| it.key().namespace.as_deref() == Some("samba")).collect();
        if servers.is_empty() {
            return Err("no server".into());
        }
        for server in servers {
            let containers = server.value().pointer("/spec/template/spec/containers").and_then(Value::as_array);
            let exporter = containers.and_then(|all| all.iter().find(|it| it["name"] == "samba-metrics"));
            let exporter = exporter.ok_or("no exporter")?;
            let told = exporter["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let port = told.filter_map(|word| word.strip_prefix("--port=")).next_back().unwrap_or("9922");
            let asked = [
                &exporter["readinessProbe"]["tcpSocket"]["port"],
                &exporter["livenessProbe"]["tcpSocket"]["port"],
                &exporter["ports"][0]["containerPort"],
            ];
            if asked.iter().any(|it| it.as_u64() != port.parse().ok()) {
                return Err(format!("{}: listens on {port}, asked on {asked:?}", server.key()));
            }
        }
        Ok(())
    };
    judged(agrees, "Deployment", "storage", "/spec/template/spec/containers/2/args", Value::Null);
}

/// The operator reads `SAMBA_OP_…` by the names of its release, and passes over others without a word.
#[test]
fn defect_18_settings_under_names_that_nobody_reads() {
    // Of the operator's own parameters (v0.8, `internal/conf`), those by which a container is chosen or switched on.
    const KNOWN: [&str; 6] = [
        "SAMBA_OP_WORKING_NAMESPACE",
        "SAMBA_OP_CLUSTER_TYPE",
        "SAMBA_OP_METRICS_EXPORTER_MODE",
        "SAMBA_OP_SMBD_CONTAINER_IMAGE",
        "SAMBA_OP_SMBD_METRICS_CONTAINER_IMAGE",
        "SAMBA_OP_IMAGE_PULL_POLICY",
    ];
    let known: Judge = |objects| {
        let operator = of(objects, "Deployment").find(|it| it.key().name == "samba-operator-controller-manager");
        let operator = operator.ok_or("no operator")?.value();
        let env = operator.pointer("/spec/template/spec/containers/0/env").and_then(Value::as_array).ok_or("no env")?;
        let names: Vec<&str> = env.iter().filter_map(|it| it["name"].as_str()).collect();
        let wanted = ["SAMBA_OP_METRICS_EXPORTER_MODE", "SAMBA_OP_SMBD_METRICS_CONTAINER_IMAGE"];
        match names.iter().find(|name| !KNOWN.contains(name)) {
            Some(stray) => Err(format!("nobody reads {stray}")),
            None if wanted.iter().all(|it| names.contains(it)) => Ok(()),
            None => Err(format!("{names:?}")),
        }
    };
    let old = json!({ "name": "SAMBA_OP_METRICS_CONTAINER_IMAGE", "value": "x" });
    judged(known, "Deployment", "samba-operator-controller-manager", "/spec/template/spec/containers/0/env/4", old);
}

#[test]
fn defect_20_a_share_without_the_operators_file_ids() {
    let there: Judge = |objects| {
        for share in of(objects, "SmbShare") {
            let options = share.value().pointer("/spec/customShareConfig/configs/vfs objects").and_then(Value::as_str);
            if !options.is_some_and(|it| it.split_whitespace().any(|word| word == "fileid")) {
                return Err(format!("{}: vfs objects = {options:?}", share.key()));
            }
        }
        Ok(())
    };
    let at = "/spec/customShareConfig/configs/vfs objects";
    judged(there, "SmbShare", "storage", at, json!("catia fruit streams_xattr"));
}

#[test]
fn defect_21_options_of_one_share_hit_all() {
    let none: Judge = |objects| match of(objects, "SmbCommonConfig")
        .find(|it| it.value().pointer("/spec/customGlobalConfig").is_some())
    {
        Some(config) => Err(format!("{} has options for all shares", config.key())),
        None => Ok(()),
    };
    let old = json!({ "useUnsafeCustomConfig": true, "configs": { "fruit:time machine": "yes" } });
    judged(none, "SmbCommonConfig", "nas", "/spec/customGlobalConfig", old);
}

#[test]
fn defect_22_a_namespace_that_refuses_its_own_pods() {
    let let_in: Judge = |objects| {
        for pod in objects.iter().filter(|it| it.key().kind == "Deployment" || it.key().kind == "DaemonSet") {
            let containers = ["containers", "initContainers"].into_iter().flat_map(|list| {
                let at = format!("/spec/template/spec/{list}");
                pod.value().pointer(&at).and_then(Value::as_array).cloned().unwrap_or_default()
            });
            let privileged = containers.into_iter().any(|it| it["securityContext"]["privileged"] == json!(true));
            let namespace = pod.key().namespace.unwrap_or_default();
            let level = of(objects, "Namespace").find(|it| it.key().name == namespace);
            let level = level.and_then(|it| it.value().pointer("/metadata/labels/pod-security.kubernetes.io~1enforce"));
            if privileged && level != Some(&json!("privileged")) {
                return Err(format!("{} is not let in: {level:?}", pod.key()));
            }
        }
        Ok(())
    };
    let old = json!({ "pod-security.kubernetes.io/enforce": "baseline" });
    judged(let_in, "Namespace", "samba", "/metadata/labels", old);
}

#[test]
fn defect_23_traffic_takes_a_way_round_and_addresses_move() {
    let local: Judge = |objects| {
        let shares: Vec<Object> =
            of(objects, "Service").filter(|it| it.key().namespace.as_deref() == Some("samba")).cloned().collect();
        all(&shares, "Service", "/spec/externalTrafficPolicy", &json!("Local"))
    };
    judged(local, "Service", "timemachine", "/spec/externalTrafficPolicy", Value::Null);
    let text = common::EXAMPLES[0]
        .1
        .replace("kind = \"time-machine\"", "kind = \"time-machine\"\naddress = \"192.168.1.201\"");
    let objects = common::objects(&text);
    let service = of(&objects, "Service").find(|it| it.key().name == "timemachine").unwrap();
    let asked = service.value().pointer("/metadata/annotations/metallb.io~1loadBalancerIPs");
    assert_eq!(asked, Some(&json!("192.168.1.201")));
}

/// Two servers on the same files, each with locks of its own, would both believe that a file is theirs.
#[test]
fn defect_17_two_at_once_on_one_volume() {
    let alone: Judge = |objects| {
        let holds = |it: &&Object| {
            let volumes = it.value().pointer("/spec/template/spec/volumes").and_then(Value::as_array);
            volumes.is_some_and(|all| all.iter().any(|it| it.get("persistentVolumeClaim").is_some()))
        };
        let holders: Vec<Object> = of(objects, "Deployment").filter(holds).cloned().collect();
        all(&holders, "Deployment", "/spec/strategy/type", &json!("Recreate"))
    };
    judged(alone, "Deployment", "timemachine", "/spec/strategy/type", json!("RollingUpdate"));
}

#[test]
fn defect_25_what_a_share_is_for_must_be_guessed() {
    let said: Judge = |objects| {
        for share in of(objects, "SmbShare") {
            let backups = share.value().pointer("/spec/customShareConfig/configs/fruit:time machine");
            let wanted = if backups == Some(&json!("yes")) { "time-machine" } else { "storage" };
            let label = share.value().pointer("/metadata/labels/homehive~1kind");
            if label != Some(&json!(wanted)) {
                return Err(format!("{}: {label:?}", share.key()));
            }
        }
        Ok(())
    };
    judged(said, "SmbShare", "timemachine", "/metadata/labels", Value::Null);
}
