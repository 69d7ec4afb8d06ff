//! `HelmChart`: a chart that k3s itself installs and keeps up to date (helm-controller, `helm.cattle.io/v1`).

use super::Kind;
use serde::Serialize;
use serde_json::Value;

/// A chart that k3s installs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HelmChart {
    /// The chart's name in its repository.
    pub chart: String,
    /// The repository.
    pub repo: String,
    /// Which version of the chart.
    pub version: String,
    /// Where it is installed.
    pub target_namespace: String,
    /// May the controller make the namespace?
    pub create_namespace: bool,
    /// What becomes of an upgrade that fails.
    pub failure_policy: FailurePolicy,
    /// The chart's values, as YAML.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub values_content: String,
    /// Values that stand in Secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values_secrets: Vec<SecretValues>,
}

/// What becomes of an upgrade that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FailurePolicy {
    /// It stays as it is, with an error. The controller's own default would uninstall the chart, and what it claims with it.
    Abort,
    /// The chart is uninstalled, then installed anew.
    Reinstall,
}

/// Values that stand in a Secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretValues {
    /// The Secret's name, in the namespace of the `HelmChart`.
    pub name: String,
    /// Which of its keys, each a file of values.
    pub keys: Vec<String>,
    /// Does a change of the Secret leave the chart alone?
    pub ignore_updates: bool,
}

impl Kind for HelmChart {
    const API_VERSION: &'static str = "helm.cattle.io/v1";
    const KIND: &'static str = "HelmChart";
}

impl HelmChart {
    /// A chart at a pinned version, with these values.
    ///
    /// # Errors
    /// YAML cannot say the values.
    pub fn new(
        chart: &crate::catalogue::Chart,
        namespace: &str,
        values: &Value,
    ) -> Result<Self, Box<serde_saphyr::ser::Error>> {
        Ok(Self {
            chart: chart.name.clone(),
            repo: chart.repository.clone(),
            version: chart.version.clone(),
            target_namespace: namespace.to_owned(),
            create_namespace: false,
            failure_policy: FailurePolicy::Abort,
            values_content: serde_saphyr::to_string(values).map_err(Box::new)?,
            values_secrets: Vec::new(),
        })
    }
}
