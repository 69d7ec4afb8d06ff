//! The fleet file as a whole: its sections, how it is read, and the derived things that others ask for.

use crate::{
    About, Admin, Deploy, HostName, K3s, Machine, Monitoring, Network, Share, ShareName, Upgrades, Version, check,
    placeholder,
};
use document::{Decode, Format, Kind, Path, Problems, Report, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use storage::Wish;
use uuid::Uuid;

/// A home's machines and what runs on them: a fleet file that was read whole and found right.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "homehive fleet")]
pub struct Fleet {
    /// What holds for the fleet as a whole.
    #[serde(rename = "fleet")]
    pub about: About,
    /// Who may log in.
    pub admin: Admin,
    /// The one subnet that the machines share.
    pub network: Network,
    /// The machines by name.
    #[schemars(length(min = 1))]
    pub machines: BTreeMap<HostName, Machine>,
    /// Samba shares by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<ShareName, Share>,
    /// Prometheus, Grafana, Alertmanager and Thanos; there if the table is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<Monitoring>,
    /// Machines that bring themselves up to date; there if the table is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrades: Option<Upgrades>,
    /// The cluster's software.
    #[serde(default)]
    pub k3s: K3s,
    /// How new systems are rolled out.
    #[serde(default, skip_serializing_if = "Deploy::is_default")]
    pub deploy: Deploy,
    /// Versions of the cluster's services that differ from homehive's own, by their names in its catalogue: charts by
    /// version, images by tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<String, Version>,
}

/// As much of a fleet as could be read: what is broken is absent, and has been told of.
pub(crate) struct Draft {
    pub about: Option<About>,
    pub admin: Option<Admin>,
    pub network: Option<Network>,
    pub machines: BTreeMap<HostName, Machine>,
    pub shares: BTreeMap<ShareName, Share>,
    pub monitoring: Option<Monitoring>,
    pub upgrades: Option<Upgrades>,
    pub k3s: K3s,
    pub deploy: Deploy,
    pub pins: BTreeMap<String, Version>,
}

impl Fleet {
    /// Reads and checks a fleet file; `file_name` is only shown.
    ///
    /// # Errors
    /// Everything that is wrong with the file, in one report. Where the text itself is malformed, only what can be
    /// said of the rest for certain is said with it.
    pub fn parse(text: &str, file_name: &str, format: Format) -> Result<Self, Box<Report>> {
        let mut problems = Problems::default();
        let root = document::read(text, format, &mut problems);
        Self::decided(&root, problems, text, file_name)
    }

    /// Checks a document that was read already, as by Nix; `text` is what the places of its values refer to.
    ///
    /// # Errors
    /// Everything that is wrong with it, in one report.
    pub fn of(root: &Value, text: &str, file_name: &str) -> Result<Self, Box<Report>> {
        Self::decided(root, Problems::default(), text, file_name)
    }

    fn decided(root: &Value, mut problems: Problems, text: &str, file_name: &str) -> Result<Self, Box<Report>> {
        let malformed = !problems.is_empty();
        placeholder::find(root, &mut problems);
        let draft = Draft::decode(root, &mut problems);
        if malformed {
            // What is absent may stand where the text could not be read.
            problems.forget("document::missing_key");
        } else if let Some(draft) = &draft {
            check::check(draft, root, &mut problems);
        }
        let fleet = draft.and_then(Draft::whole).filter(|_| problems.is_empty());
        fleet.ok_or_else(|| Box::new(problems.into_report(file_name, text, root)))
    }

    /// What all identities of a machine's disks are derived from.
    pub fn namespace(&self, machine: &HostName) -> Uuid {
        storage::identity::namespace(self.about.name.as_ref(), machine.as_ref())
    }

    /// The resolved device tree of a machine; none if there is no such machine.
    pub fn wish(&self, machine: &HostName) -> Option<Wish> {
        self.machines.get(machine).map(|declared| Wish::new(&declared.storage, self.namespace(machine)))
    }
}

impl Draft {
    fn decode(root: &Value, problems: &mut Problems) -> Option<Self> {
        let at = Path::root();
        let mut table = Table::open(root, &at, problems)?;
        let draft = Self {
            about: table.required("fleet", "start with `[fleet]` and `name = \"home\"`", problems),
            admin: table.required("admin", "say who may log in: `[admin]` with `user` and `keys`", problems),
            network: table.required("network", "describe your LAN: `[network]` with `subnet` and `gateway`", problems),
            machines: table
                .required("machines", "declare a machine: `[machines.nas]` with `address` and `storage`", problems)
                .map(|Machines(machines)| machines)
                .unwrap_or_default(),
            shares: table.or_default("shares", problems),
            monitoring: table.optional("monitoring", problems),
            upgrades: table.optional("upgrades", problems),
            k3s: table.or_default("k3s", problems),
            deploy: table.or_default("deploy", problems),
            pins: table.or_default("pins", problems),
        };
        table.close(problems);
        Some(draft)
    }

    fn whole(self) -> Option<Fleet> {
        let Self { about, admin, network, machines, shares, monitoring, upgrades, k3s, deploy, pins } = self;
        let (about, admin, network) = (about?, admin?, network?);
        Some(Fleet { about, admin, network, machines, shares, monitoring, upgrades, k3s, deploy, pins })
    }
}

/// At least one machine; each is told its name.
struct Machines(BTreeMap<HostName, Machine>);

impl Decode for Machines {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let Kind::Table(entries) = &value.kind else {
            // Says what is wrong with anything but a table.
            Table::open(value, at, problems)?;
            return None;
        };
        if entries.is_empty() {
            let help = "declare one: `[machines.nas]` with `address` and `storage`";
            problems.add(at, "fleet::no_machine", "the fleet has no machine", "empty", help);
        }
        let mut machines = BTreeMap::new();
        for (text, _, value) in entries {
            let at = at.join(text);
            match text.parse::<HostName>() {
                Ok(name) => {
                    if let Some(machine) = Machine::decode(value, &at, &name, problems) {
                        machines.insert(name, machine);
                    }
                }
                Err(reason) => {
                    let message = format!("`{text}` is no machine's name");
                    problems.add(&at, "fleet::bad_host_name", message, "this name", reason.to_string());
                }
            }
        }
        Some(Self(machines))
    }
}
