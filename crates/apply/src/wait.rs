//! Waiting until objects are ready, each asked again until its wave's deadline.

use crate::client::{AskError, Cluster};
use crate::ready::{self, Readiness};
use crate::volume;
use cluster::{Key, Object};
use serde_json::Value;
use std::time::Duration;

/// Between two questions.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);
/// A changed chart whose job does not change either: its controller would have made a new one by then.
const SAME_JOB: Duration = Duration::from_secs(30);

/// An object that was applied, and may not be ready yet.
#[derive(Debug)]
pub(crate) struct Awaited {
    /// Its number among all objects.
    pub step: usize,
    /// The object.
    pub key: Key,
    /// The file that says it.
    pub file: String,
    /// What was done with it.
    pub text: String,
    /// Was it told that its step began?
    pub told: bool,
    /// When it was applied.
    pub since: tokio::time::Instant,
    /// The job that its chart had before it was changed.
    pub job: Option<String>,
    /// Why it is not ready, as was told last.
    pub why: String,
}

impl Cluster {
    /// How the object is now.
    pub(crate) async fn readiness(&self, awaited: &Awaited) -> Result<Readiness, AskError> {
        let key = &awaited.key;
        let Some(live) = self.get(key).await? else { return Ok(Readiness::Waiting("it is not there any more".into())) };
        if key.kind == "HelmChart" {
            let job = self.get(&job_of(&live)).await?;
            let now = job.as_ref().and_then(|job| job["metadata"]["uid"].as_str());
            let patient = awaited.since.elapsed() < SAME_JOB;
            let before = awaited.job.as_deref().filter(|before| patient || now != Some(*before));
            return Ok(ready::chart(&live, job.as_ref(), before));
        }
        if let Some(volume) = volume::of_claim(&live) {
            return Ok(ready::claim(&live, self.get(&volume).await?.as_ref()));
        }
        Ok(ready::readiness(&live))
    }

    /// What pods of the object say of why they do not come up.
    pub(crate) async fn pods_say(&self, key: &Key) -> Option<String> {
        let live = self.get(key).await.ok()??;
        let (namespace, selector) = if key.kind == "HelmChart" {
            let job = job_of(&live);
            (job.namespace, format!("job-name={}", job.name))
        } else {
            let labels = live.pointer("/spec/selector/matchLabels")?.as_object()?;
            let pairs = labels.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)));
            (key.namespace.clone(), pairs.collect::<Vec<_>>().join(","))
        };
        let pods = self.list("v1", "Pod", namespace.as_deref(), &selector).await.ok()?;
        crate::pods::reason(&pods)
    }

    /// The identity of the job that installs a chart now.
    pub(crate) async fn job_uid(&self, chart: &Key) -> Result<Option<String>, AskError> {
        let Some(live) = self.get(chart).await? else { return Ok(None) };
        let job = self.get(&job_of(&live)).await?;
        Ok(job.and_then(|job| job["metadata"]["uid"].as_str().map(str::to_owned)))
    }

    /// Why a webhook that these objects pass through does not answer yet; nothing if all do.
    pub(crate) async fn webhooks(&self, objects: &[&Object]) -> Result<Option<String>, AskError> {
        let mut passed = Vec::new();
        for object in objects {
            if let Some(kind) = self.kind(&object.key()).await? {
                let version = object.key().api_version;
                let group = version.split_once('/').map_or("", |(group, _)| group).to_owned();
                passed.push((group, kind.plural));
            }
        }
        for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
            for configuration in self.list("admissionregistration.k8s.io/v1", kind, None, "").await? {
                for service in services(&configuration, &passed) {
                    if let Readiness::Waiting(why) = ready::endpoints(self.get(&service).await?.as_ref()) {
                        return Ok(Some(format!("the webhook behind {service}: {why}")));
                    }
                }
            }
        }
        Ok(None)
    }
}

/// The job that installs a chart.
fn job_of(chart: &Value) -> Key {
    let text = |pointer: &str| chart.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let usual = || format!("helm-install-{}", text("/metadata/name").unwrap_or_default());
    Key {
        api_version: "batch/v1".into(),
        kind: "Job".into(),
        namespace: text("/metadata/namespace"),
        name: text("/status/jobName").filter(|name| !name.is_empty()).unwrap_or_else(usual),
    }
}

/// The `Endpoints` of the services that must answer before objects of these groups and plurals are taken.
fn services(configuration: &Value, passed: &[(String, String)]) -> Vec<Key> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let has = |words: &Value, word: &str| list(words).iter().any(|it| it == word || it == "*");
    let matches = |rule: &Value| {
        passed.iter().any(|(group, plural)| has(&rule["apiGroups"], group) && has(&rule["resources"], plural))
    };
    let hooks = list(&configuration["webhooks"]).into_iter();
    let hooks = hooks.filter(|hook| hook["failurePolicy"] != "Ignore" && list(&hook["rules"]).iter().any(matches));
    let key = |hook: Value| {
        let service = &hook["clientConfig"]["service"];
        Some(Key {
            api_version: "v1".into(),
            kind: "Endpoints".into(),
            namespace: Some(service["namespace"].as_str()?.to_owned()),
            name: service["name"].as_str()?.to_owned(),
        })
    };
    let mut keys: Vec<Key> = hooks.filter_map(key).collect();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::services;
    use serde_json::json;

    #[test]
    fn webhooks_that_an_object_passes_through() {
        let configuration = json!({ "webhooks": [
            { "failurePolicy": "Fail", "clientConfig": { "service": { "namespace": "metallb-system", "name": "webhook" } },
              "rules": [{ "apiGroups": ["metallb.io"], "resources": ["ipaddresspools"] }] },
            { "failurePolicy": "Ignore", "clientConfig": { "service": { "namespace": "x", "name": "lenient" } },
              "rules": [{ "apiGroups": ["*"], "resources": ["*"] }] },
            { "failurePolicy": "Fail", "clientConfig": { "url": "https://elsewhere" },
              "rules": [{ "apiGroups": ["*"], "resources": ["*"] }] } ] });
        let passed = |group: &str, plural: &str| services(&configuration, &[(group.into(), plural.into())]).len();
        assert_eq!(passed("metallb.io", "ipaddresspools"), 1);
        assert_eq!(passed("metallb.io", "bgppeers"), 0);
        assert_eq!(passed("", "services"), 0);
    }
}
