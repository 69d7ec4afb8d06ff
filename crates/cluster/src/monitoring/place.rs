//! Where monitoring keeps its data: directories of one machine, each with the one owner that its pods run as, and the
//! volumes and claims by which pods get them.

use super::Site;
use crate::directories::Directory;
use crate::namespaces::MONITORING;
use crate::volumes::{CLASS, Local, below};
use crate::{Object, ObjectError};
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
    /// Does homehive make the claim, or an operator?
    claimed: bool,
}

/// Prometheus' own data; the claim's name is the operator's.
const PROMETHEUS_DATA: Volume = Volume {
    name: "prometheus",
    claim: "prometheus-kube-prometheus-stack-prometheus-db-prometheus-kube-prometheus-stack-prometheus-0",
    owner: PROMETHEUS,
    claimed: false,
};
/// Silences, and who was told of what; the claim's name is the operator's.
const ALERTMANAGER_DATA: Volume = Volume {
    name: "alertmanager",
    claim: "alertmanager-kube-prometheus-stack-alertmanager-db-alertmanager-kube-prometheus-stack-alertmanager-0",
    owner: PROMETHEUS,
    claimed: false,
};
/// Users, and dashboards of their own.
pub(super) const GRAFANA_DATA: Volume = Volume { name: "grafana", claim: "grafana", owner: GRAFANA, claimed: true };
/// Blocks, unless an object store has them, and what Thanos works with.
pub(super) const THANOS_DATA: Volume = Volume { name: "thanos", claim: "thanos", owner: PROMETHEUS, claimed: true };

const VOLUMES: [&Volume; 4] = [&PROMETHEUS_DATA, &ALERTMANAGER_DATA, &GRAFANA_DATA, &THANOS_DATA];

impl Volume {
    fn path(&self, site: &Site<'_>) -> String {
        below(&site.monitoring.volume, &format!("kubernetes/monitoring/{}", self.name))
    }

    /// The volume, and its claim unless an operator makes that.
    fn objects(&self, site: &Site<'_>) -> Result<Vec<Object>, ObjectError> {
        let (name, path) = (format!("{MONITORING}-{}", self.name), self.path(site));
        let claim = (MONITORING, self.claim);
        let local = Local { name: &name, claim, machine: site.machine, path: &path, size: None };
        let mut objects = vec![Object::of(&local.volume())?];
        if self.claimed {
            objects.push(Object::of(&local.claim())?);
        }
        Ok(objects)
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

/// Volumes, and those claims that no operator makes.
pub(super) fn objects(site: &Site<'_>) -> Result<Vec<Object>, ObjectError> {
    let each = VOLUMES.iter().map(|volume| volume.objects(site));
    Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
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
