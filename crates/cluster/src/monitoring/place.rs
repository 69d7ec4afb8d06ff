//! Where monitoring keeps its data: directories of one machine, each with the one owner that its pods run as, and the
//! volumes and claims by which pods get them.

use super::Site;
use crate::directories::Directory;
use crate::namespaces::MONITORING;
use crate::volumes::{CLASS, Claim, Local, below};
use crate::{Manifest, ObjectError};
use fleet::{Fleet, HostName};
use serde_json::{Value, json};

/// Whose the data of Prometheus and of all parts of Thanos is; the chart's own default for Prometheus.
pub(super) const PROMETHEUS: (u32, u32) = (1000, 2000);
/// Whose the data of Grafana is; the image's own user.
const GRAFANA: (u32, u32) = (472, 472);
/// New files belong to the directory's group, so that every pod of the group can write what another has made.
const MODE: u32 = 0o2770;

/// One volume: a directory of the machine.
pub(super) struct Volume {
    /// The directory's name.
    name: &'static str,
    /// The claim that it is kept for.
    pub(super) claim: &'static str,
    /// Whose it is.
    owner: (u32, u32),
    /// Who makes the claim.
    made: Claim,
}

/// Prometheus' own data; the claim's name is the operator's.
const PROMETHEUS_DATA: Volume = Volume {
    name: "prometheus",
    claim: "prometheus-kube-prometheus-stack-prometheus-db-prometheus-kube-prometheus-stack-prometheus-0",
    owner: PROMETHEUS,
    made: Claim::Operators,
};
/// Silences, and who was told of what; the claim's name is the operator's.
const ALERTMANAGER_DATA: Volume = Volume {
    name: "alertmanager",
    claim: "alertmanager-kube-prometheus-stack-alertmanager-db-alertmanager-kube-prometheus-stack-alertmanager-0",
    owner: PROMETHEUS,
    made: Claim::Operators,
};
/// Users, and dashboards of their own.
pub(super) const GRAFANA_DATA: Volume = Volume { name: "grafana", claim: "grafana", owner: GRAFANA, made: Claim::Ours };
/// Blocks, unless an object store has them, and what Thanos works with.
pub(super) const THANOS_DATA: Volume = Volume { name: "thanos", claim: "thanos", owner: PROMETHEUS, made: Claim::Ours };

const VOLUMES: [&Volume; 4] = [&PROMETHEUS_DATA, &ALERTMANAGER_DATA, &GRAFANA_DATA, &THANOS_DATA];

impl Volume {
    fn path(&self, site: &Site<'_>) -> String {
        below(&site.monitoring.volume, &format!("kubernetes/monitoring/{}", self.name))
    }

    fn local<'a>(&self, site: &Site<'a>) -> Local<'a> {
        let name = format!("{MONITORING}-{}", self.name);
        Local { name, claim: (MONITORING, self.claim), machine: site.machine, path: self.path(site), size: None }
    }
}

/// What an operator makes a claim from. The volume is the one that is kept for the claim; how much there is says that.
pub(super) fn claim_template() -> Value {
    json!({
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": CLASS,
            "resources": { "requests": { "storage": "1Mi" } },
        },
    })
}

/// Volumes, and those claims that no operator makes, a file for each volume.
pub(super) fn manifests(site: &Site<'_>) -> Result<Vec<Manifest>, ObjectError> {
    VOLUMES.iter().map(|volume| volume.local(site).manifest(volume.made)).collect()
}

/// The volumes; none without monitoring.
pub(crate) fn volumes(fleet: &Fleet) -> Vec<Local<'_>> {
    let Some(site) = Site::of(fleet) else { return Vec::new() };
    VOLUMES.iter().map(|volume| volume.local(&site)).collect()
}

/// The directories that the volumes are, and the machine that has them; none without monitoring.
pub fn directories(fleet: &Fleet) -> Option<(HostName, Vec<Directory>)> {
    let site = Site::of(fleet)?;
    let one = |volume: &&Volume| Directory {
        mount: site.monitoring.volume.clone(),
        path: volume.path(&site),
        mode: MODE,
        owner: volume.owner,
    };
    Some((site.machine.clone(), VOLUMES.iter().map(one).collect()))
}
