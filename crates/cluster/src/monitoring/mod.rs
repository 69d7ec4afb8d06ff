//! Monitoring: Prometheus, Grafana and Alertmanager of one chart, Thanos for what is kept long, exporters, alerts, a
//! dashboard. How its pods find the machines, and who may talk to whom, is said elsewhere.

mod alertmanager;
mod dashboard;
mod exporters;
mod names;
mod panel;
mod place;
mod rules;
mod stack;
mod thanos;

pub use alertmanager::config as alertmanager_config;
pub use names::{HOST_METRICS, THANOS_HTTP};
pub use place::directories;
pub(crate) use place::volumes;

use crate::kinds::{self, HelmChart};
use crate::meta::{labelled, named};
use crate::namespaces::{KUBE_SYSTEM, MONITORING};
use crate::{Catalogue, Manifest, Object, RenderError, Wave};
use fleet::{Fleet, HostName, Monitoring};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use names::RELEASE;

/// What this module asks of a fleet.
struct Site<'a> {
    fleet: &'a Fleet,
    monitoring: &'a Monitoring,
    /// The machine that keeps what was measured.
    machine: &'a HostName,
}

impl<'a> Site<'a> {
    /// None if the fleet has no monitoring.
    fn of(fleet: &'a Fleet) -> Option<Self> {
        let monitoring = fleet.monitoring.as_ref()?;
        let machine = fleet.monitoring_machine()?;
        Some(Self { fleet, monitoring, machine })
    }
}

/// Everything of monitoring; nothing if the fleet has none.
pub(crate) fn manifests(fleet: &Fleet, catalogue: &Catalogue) -> Result<Vec<Manifest>, RenderError> {
    let Some(site) = Site::of(fleet) else { return Ok(Vec::new()) };
    let stack =
        HelmChart::new(catalogue.chart("kube-prometheus-stack")?, MONITORING, &stack::values(&site, catalogue)?)?;
    let disks =
        HelmChart::new(catalogue.chart("prometheus-smartctl-exporter")?, MONITORING, &exporters::smartctl_values())?;
    let chart = |name: &str, chart: &HelmChart| kinds::object(&named(KUBE_SYSTEM, name), chart);
    let manifest = |wave, name: &str, head: &str, objects: Vec<Object>| Manifest {
        wave,
        name: name.to_owned(),
        head: head.to_owned(),
        objects,
    };
    let mut all = place::manifests(&site)?;
    all.extend([
        manifest(
            Wave::Ground,
            "object-store",
            "Where Thanos keeps what is old: the operator and Thanos read it.",
            vec![thanos::object_store(&site)?],
        ),
        manifest(
            Wave::Operators,
            "kube-prometheus-stack",
            "Prometheus with its operator, Alertmanager, Grafana, and the exporters of machines and of the cluster.",
            vec![chart(RELEASE, &stack)?],
        ),
        manifest(
            Wave::Objects,
            "smartctl-exporter",
            "What the disks say of their health. The chart's objects are of kinds that the Prometheus operator brings.",
            vec![chart("smartctl-exporter", &disks)?],
        ),
        manifest(
            Wave::Objects,
            "thanos",
            "Thanos: what Prometheus measured is kept long, thinned out, and read with what is new. Grafana asks it.",
            thanos::objects(&site, catalogue)?,
        ),
        manifest(
            Wave::Objects,
            "monitoring",
            "Alerts, and the dashboard that shows the same.",
            vec![rules::object(&site)?, dashboard::object(&site)?],
        ),
        manifest(
            Wave::Objects,
            "scraping",
            "Who else is asked for metrics: Thanos, and the shares.",
            exporters::monitors(fleet)?,
        ),
    ]);
    Ok(all)
}

/// The head of an object of the kinds that Prometheus is told by: it takes only those of its own release.
fn selected(name: &str) -> ObjectMeta {
    labelled(named(MONITORING, name), [("release", RELEASE)])
}
