//! Is an object ready for others to build on? Pure: read from the object as the cluster has it.

use serde_json::Value;

/// How an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Others can build on it.
    Ready,
    /// Not yet, and why.
    Waiting(String),
    /// It will not be, and why.
    Failed(String),
}

use Readiness::{Failed, Ready, Waiting};

/// How the object is; kinds of which nobody knows what readiness is are ready once they are there. A `HelmChart` is as
/// its job is: see [`chart`]; what else can be said of a claim: see [`claim`].
pub fn readiness(object: &Value) -> Readiness {
    match object["kind"].as_str().unwrap_or_default() {
        "CustomResourceDefinition" => definition(object),
        "Deployment" => deployment(object),
        "StatefulSet" => stateful_set(object),
        "DaemonSet" => daemon_set(object),
        "Job" => job(object),
        "APIService" => condition(object, "Available", "its server does not answer yet"),
        "Namespace" if object["status"]["phase"] == "Terminating" => Failed("it is being deleted".into()),
        "Service" => service(object),
        "PersistentVolumeClaim" => claim(object, None),
        "Pod" => condition(object, "Ready", "its containers are not ready"),
        _ => Ready,
    }
}

/// How a chart is, by the job that installs it; `before` is the identity of the job that was there before the chart was
/// changed, which does not count.
pub fn chart(chart: &Value, job_object: Option<&Value>, before: Option<&str>) -> Readiness {
    if before.is_some() && job_object.is_some_and(|job| job["metadata"]["uid"].as_str() == before) {
        return Waiting("its former job is still there".into());
    }
    // Until the new job has an end, what the chart says of a failure is said of the former one.
    let failed = find(chart, "Failed").filter(|it| it["status"] == "True" && before.is_none());
    if let Some(failed) = failed {
        return Failed(format!("its job failed: {}", said(failed)));
    }
    let Some(job_object) = job_object else { return Waiting("no job installs it yet".into()) };
    match job(job_object) {
        Waiting(why) => Waiting(format!("its job: {why}")),
        Failed(why) => Failed(format!("its job: {why}")),
        Ready => Ready,
    }
}

/// How a claim is, by the volume that it names. One that names none may wait for its first pod, which comes with a later
/// wave, and is ready once it is there. One that names its volume waits for no pod, whatever its class says: the controller
/// of volumes looks at `WaitForFirstConsumer` where it has to find a volume, and binds one that is named at once
/// (kube-controller-manager, `syncUnboundClaim`).
pub fn claim(claim: &Value, volume: Option<&Value>) -> Readiness {
    let Some(name) = claim["spec"]["volumeName"].as_str().filter(|name| !name.is_empty()) else { return Ready };
    match (claim["status"]["phase"].as_str(), volume) {
        (Some("Bound"), _) => Ready,
        (Some("Lost"), _) => Failed(format!("its volume {name} is gone")),
        (_, Some(volume)) if volume["status"]["phase"] == "Released" => {
            Waiting(format!("its volume {name} remembers a claim that is gone"))
        }
        (_, Some(volume)) if volume["spec"]["claimRef"]["name"] != claim["metadata"]["name"] => {
            Waiting(format!("its volume {name} is kept for another claim"))
        }
        _ => Waiting(format!("it is not bound to its volume {name} yet")),
    }
}

/// Does a Service have pods that can be spoken to, by its `Endpoints`?
pub fn endpoints(object: Option<&Value>) -> Readiness {
    let subsets = object.and_then(|it| it["subsets"].as_array());
    let ready = subsets.into_iter().flatten().any(|it| it["addresses"].as_array().is_some_and(|all| !all.is_empty()));
    if ready { Ready } else { Waiting("no pod answers for it yet".into()) }
}

fn find<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|it| it["type"] == kind)
}

/// Reason and message of a condition.
fn said(condition: &Value) -> String {
    let text = |field: &str| condition[field].as_str().filter(|text| !text.is_empty());
    let both = [text("reason"), text("message")].into_iter().flatten().collect::<Vec<_>>().join(": ");
    if both.is_empty() { "it does not say why".into() } else { both }
}

fn condition(object: &Value, kind: &str, else_: &str) -> Readiness {
    match find(object, kind) {
        Some(found) if found["status"] == "True" => Ready,
        Some(found) => Waiting(format!("{else_}: {}", said(found))),
        None => Waiting(else_.into()),
    }
}

fn definition(object: &Value) -> Readiness {
    if let Some(refused) = find(object, "NamesAccepted").filter(|it| it["status"] == "False") {
        return Failed(format!("its names are not accepted: {}", said(refused)));
    }
    condition(object, "Established", "it is not established yet")
}

/// Has the controller seen what was applied last?
fn seen(object: &Value) -> bool {
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
    object["status"]["observedGeneration"].as_i64().is_some_and(|seen| seen >= generation)
}

fn count(object: &Value, field: &str) -> i64 {
    object["status"][field].as_i64().unwrap_or(0)
}

/// How many of how many are as they should be.
fn so_many(done: i64, of: i64, what: &str) -> Option<Readiness> {
    (done < of).then(|| Waiting(format!("{done} of {of} pods {what}")))
}

const UNSEEN: &str = "its controller has not seen it yet";

fn deployment(object: &Value) -> Readiness {
    if !seen(object) {
        return Waiting(UNSEEN.into());
    }
    if let Some(stuck) = find(object, "Progressing").filter(|it| it["reason"] == "ProgressDeadlineExceeded") {
        return Failed(said(stuck));
    }
    let of = object["spec"]["replicas"].as_i64().unwrap_or(1);
    so_many(count(object, "updatedReplicas"), of, "are of the new version")
        .or_else(|| so_many(count(object, "availableReplicas"), of, "are available"))
        .or_else(|| (count(object, "replicas") > of).then(|| Waiting("pods of the old version are still there".into())))
        .unwrap_or(Ready)
}

fn stateful_set(object: &Value) -> Readiness {
    if !seen(object) {
        return Waiting(UNSEEN.into());
    }
    let of = object["spec"]["replicas"].as_i64().unwrap_or(1);
    // One that is updated by hand is as ready as its pods are.
    let by_hand = object["spec"]["updateStrategy"]["type"] == "OnDelete";
    let updated = if by_hand { of } else { count(object, "updatedReplicas") };
    let same = object["status"]["currentRevision"] == object["status"]["updateRevision"];
    let updated = if same { of } else { updated };
    so_many(updated, of, "are of the new version")
        .or_else(|| so_many(count(object, "readyReplicas"), of, "are ready"))
        .unwrap_or(Ready)
}

fn daemon_set(object: &Value) -> Readiness {
    if !seen(object) {
        return Waiting(UNSEEN.into());
    }
    let of = count(object, "desiredNumberScheduled");
    so_many(count(object, "updatedNumberScheduled"), of, "are of the new version")
        .or_else(|| so_many(count(object, "numberAvailable"), of, "are available"))
        .unwrap_or(Ready)
}

fn job(object: &Value) -> Readiness {
    let is = |kind: &str| find(object, kind).filter(|it| it["status"] == "True");
    match (is("Complete"), is("Failed")) {
        (Some(_), _) => Ready,
        (_, Some(failed)) => Failed(said(failed)),
        _ => Waiting(match count(object, "failed") {
            0 => "it is not done yet".into(),
            many => format!("it is not done yet; {many} of its pods failed"),
        }),
    }
}

fn service(object: &Value) -> Readiness {
    let has = object["status"]["loadBalancer"]["ingress"].as_array().is_some_and(|all| !all.is_empty());
    if object["spec"]["type"] == "LoadBalancer" && !has {
        return Waiting("the balancer has given it no address".into());
    }
    Ready
}

#[cfg(test)]
mod tests {
    use super::{Readiness, chart, claim, endpoints, readiness};
    use serde_json::{Value, json};

    fn word(readiness: &Readiness) -> &'static str {
        match readiness {
            Readiness::Ready => "ready",
            Readiness::Waiting(_) => "waiting",
            Readiness::Failed(_) => "failed",
        }
    }

    fn workload(kind: &str, generation: i64, spec: &Value, status: &Value) -> Value {
        json!({ "kind": kind, "metadata": { "generation": generation }, "spec": spec, "status": status })
    }

    #[test]
    fn objects() {
        let condition = |kind: &str, status: &str, reason: &str| json!({ "conditions": [{ "type": kind, "status": status, "reason": reason, "message": "m" }] });
        let definition = |status: &Value| workload("CustomResourceDefinition", 1, &json!({}), status);
        let deployment = |seen: i64, updated: i64, available: i64, all: i64| {
            let status = json!({ "observedGeneration": seen, "updatedReplicas": updated, "availableReplicas": available, "replicas": all });
            workload("Deployment", 2, &json!({ "replicas": 2 }), &status)
        };
        let mut stuck = deployment(2, 1, 1, 2);
        stuck["status"]["conditions"] =
            condition("Progressing", "False", "ProgressDeadlineExceeded")["conditions"].clone();
        let daemons = |desired: i64, available: i64| {
            let status = json!({ "observedGeneration": 1, "desiredNumberScheduled": desired, "updatedNumberScheduled": desired, "numberAvailable": available });
            workload("DaemonSet", 1, &json!({}), &status)
        };
        let stateful = |updated: i64, ready: i64| {
            let status = json!({ "observedGeneration": 1, "updatedReplicas": updated, "readyReplicas": ready, "currentRevision": "a", "updateRevision": "b" });
            workload("StatefulSet", 1, &json!({ "replicas": 1 }), &status)
        };
        let service = |kind: &str, ingress: &Value| {
            workload("Service", 1, &json!({ "type": kind }), &json!({ "loadBalancer": { "ingress": ingress } }))
        };
        for (case, object, expected) in [
            ("a definition that is new", definition(&json!({})), "waiting"),
            ("established", definition(&condition("Established", "True", "")), "ready"),
            ("its name is taken", definition(&condition("NamesAccepted", "False", "PluralConflict")), "failed"),
            ("unseen", deployment(1, 2, 2, 2), "waiting"),
            ("an old version runs", deployment(2, 1, 2, 2), "waiting"),
            ("not available", deployment(2, 2, 1, 2), "waiting"),
            ("old pods linger", deployment(2, 2, 2, 3), "waiting"),
            ("available", deployment(2, 2, 2, 2), "ready"),
            ("stuck", stuck, "failed"),
            ("without a status", workload("Deployment", 1, &json!({}), &json!({})), "waiting"),
            ("daemons", daemons(3, 2), "waiting"),
            ("all daemons", daemons(3, 3), "ready"),
            ("no daemon is wanted", daemons(0, 0), "ready"),
            ("a set that is updated", stateful(0, 1), "waiting"),
            ("a set", stateful(1, 1), "ready"),
            ("a job", workload("Job", 1, &json!({}), &json!({})), "waiting"),
            ("a job that is done", workload("Job", 1, &json!({}), &condition("Complete", "True", "")), "ready"),
            (
                "a job that failed",
                workload("Job", 1, &json!({}), &condition("Failed", "True", "BackoffLimitExceeded")),
                "failed",
            ),
            ("no address", service("LoadBalancer", &json!([])), "waiting"),
            ("an address", service("LoadBalancer", &json!([{ "ip": "192.0.2.1" }])), "ready"),
            ("no balancer", service("ClusterIP", &json!([])), "ready"),
            (
                "a namespace that goes",
                workload("Namespace", 1, &json!({}), &json!({ "phase": "Terminating" })),
                "failed",
            ),
            ("an unknown kind", workload("SmbShare", 1, &json!({}), &json!({})), "ready"),
        ] {
            assert_eq!(word(&readiness(&object)), expected, "{case}");
        }
    }

    #[test]
    fn charts() {
        let job = |uid: &str, status: Value| json!({ "kind": "Job", "metadata": { "uid": uid }, "status": status });
        let done = || json!({ "conditions": [{ "type": "Complete", "status": "True" }] });
        let broken = || json!({ "conditions": [{ "type": "Failed", "status": "True", "message": "m" }] });
        let good = json!({ "kind": "HelmChart" });
        let bad = json!({ "kind": "HelmChart", "status": { "conditions": [{ "type": "Failed", "status": "True", "message": "m" }] } });
        for (case, object, job, before, expected) in [
            ("no job", &good, None, None, "waiting"),
            ("runs", &good, Some(job("a", json!({}))), None, "waiting"),
            ("done", &good, Some(job("a", done())), None, "ready"),
            ("the former job is done", &good, Some(job("a", done())), Some("a"), "waiting"),
            ("the new job is done", &good, Some(job("b", done())), Some("a"), "ready"),
            ("failed", &bad, Some(job("a", done())), None, "failed"),
            ("mended, the failed job is still there", &bad, Some(job("a", broken())), Some("a"), "waiting"),
            ("mended, the failed job is gone", &bad, None, Some("a"), "waiting"),
            ("mended, the new job runs", &bad, Some(job("b", json!({}))), Some("a"), "waiting"),
            ("mended, the new job is done", &bad, Some(job("b", done())), Some("a"), "ready"),
            ("mended in vain", &bad, Some(job("b", broken())), Some("a"), "failed"),
        ] {
            assert_eq!(word(&chart(object, job.as_ref(), before)), expected, "{case}");
        }
    }

    #[test]
    fn claims() {
        let one = |volume: &str, phase: &str| {
            let (metadata, spec) = (json!({ "name": "a" }), json!({ "volumeName": volume }));
            json!({ "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec, "status": { "phase": phase } })
        };
        let volume =
            |phase: &str, name: &str| json!({ "spec": { "claimRef": { "name": name } }, "status": { "phase": phase } });
        for (case, object, volume, expected) in [
            ("bound", one("share-a", "Bound"), Some(volume("Bound", "a")), Ok("ready")),
            ("it may wait for its first pod", one("", "Pending"), None, Ok("ready")),
            ("new", one("share-a", ""), None, Err("it is not bound to its volume share-a yet")),
            ("pending", one("share-a", "Pending"), Some(volume("Available", "a")), Err("it is not bound to")),
            ("another's", one("share-a", "Pending"), Some(volume("Bound", "b")), Err("is kept for another claim")),
            (
                "left over",
                one("share-a", "Pending"),
                Some(volume("Released", "a")),
                Err("remembers a claim that is gone"),
            ),
            ("lost", one("share-a", "Lost"), None, Ok("failed")),
        ] {
            let found = claim(&object, volume.as_ref());
            match expected {
                Ok(expected) => assert_eq!(word(&found), expected, "{case}"),
                Err(part) => assert!(
                    format!("{found:?}").starts_with("Waiting") && format!("{found:?}").contains(part),
                    "{case}"
                ),
            }
            assert_eq!(word(&readiness(&object)), word(&found), "{case}");
        }
    }

    #[test]
    fn webhooks() {
        let with = |subsets: Value| json!({ "kind": "Endpoints", "subsets": subsets });
        assert_eq!(word(&endpoints(None)), "waiting");
        assert_eq!(word(&endpoints(Some(&with(json!([{ "notReadyAddresses": [{}] }]))))), "waiting");
        assert_eq!(word(&endpoints(Some(&with(json!([{ "addresses": [{ "ip": "10.0.0.1" }] }]))))), "ready");
    }
}
