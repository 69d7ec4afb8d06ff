//! `[monitoring]`: Prometheus, Grafana, Alertmanager and Thanos; there if the table is.

use crate::net::Address;
use crate::{Endpoint, Fleet, HostName, Machine, MailAddress, ObjectStore, Role, Share, ShareName, Span, text};
use document::{Decode, Path, Problems, Table, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// Prometheus, Grafana, Alertmanager and Thanos; there if the table is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Monitoring {
    /// How alerts reach you; they stay in Alertmanager if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
    /// How long what was measured is kept.
    #[serde(default)]
    pub retention: Retention,
    /// Grafana's address, out of the balancer's; the next free one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
    /// The machine of the cluster that keeps what was measured; if absent the only one, else the one that all shares lie
    /// on, else the first server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<HostName>,
    /// The mount point of the volume there that it lies on; `/data` if absent.
    #[serde(default = "data")]
    pub volume: String,
    /// An S3-compatible store for what is kept long; a directory on the volume if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_store: Option<ObjectStore>,
    /// How old the last backup of a Mac may be before you are told; `7d` if absent.
    #[serde(default = "week")]
    pub backup_age: Span,
}

fn data() -> String {
    "/data".to_owned()
}

fn week() -> Span {
    Span::days(7)
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            mail: None,
            retention: Retention::default(),
            address: None,
            machine: None,
            volume: data(),
            object_store: None,
            backup_age: week(),
        }
    }
}

impl Fleet {
    /// The machine that keeps what was measured; none without monitoring.
    pub fn monitoring_machine(&self) -> Option<&HostName> {
        let monitoring = self.monitoring.as_ref()?;
        monitoring.place(&self.machines, &self.shares)
    }
}

impl Monitoring {
    /// See [`Fleet::monitoring_machine`].
    pub(crate) fn place<'a>(
        &'a self,
        machines: &'a BTreeMap<HostName, Machine>,
        shares: &'a BTreeMap<ShareName, Share>,
    ) -> Option<&'a HostName> {
        if let Some(named) = &self.machine {
            return Some(named);
        }
        let mut nodes = machines.iter().filter(|(_, machine)| !machine.role.is_none()).map(|(name, _)| name);
        let first = nodes.next()?;
        if nodes.next().is_none() {
            return Some(first);
        }
        let mut holders = shares.values().map(|share| &share.machine);
        match holders.next() {
            Some(holder) if holders.all(|other| other == holder) => Some(holder),
            _ => machines.iter().find(|(_, machine)| machine.role == Role::K3sServer).map(|(name, _)| name),
        }
    }
}

/// How alerts reach you. The password is no part of the fleet file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Mail {
    /// Who is told.
    pub to: MailAddress,
    /// As whom.
    pub from: MailAddress,
    /// The mail server that takes them, with its port.
    pub smarthost: Endpoint,
    /// The user at the mail server; nobody logs in there if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// How long Thanos keeps what was measured: raw, and thinned out to one value in 5 minutes and in an hour.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Retention {
    /// As measured; `30d` if absent.
    #[serde(default = "raw")]
    pub raw: Keep,
    /// One value in 5 minutes; `180d` if absent.
    #[serde(default = "five_minutes")]
    pub five_minutes: Keep,
    /// One value in an hour; `forever` if absent.
    #[serde(default = "one_hour")]
    pub one_hour: Keep,
}

fn days(days: u32) -> Keep {
    Keep::For(Span::days(days))
}

fn raw() -> Keep {
    days(30)
}

fn five_minutes() -> Keep {
    days(180)
}

fn one_hour() -> Keep {
    Keep::Forever
}

impl Default for Retention {
    fn default() -> Self {
        Self { raw: raw(), five_minutes: five_minutes(), one_hour: one_hour() }
    }
}

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keep {
    /// This long.
    For(Span),
    /// Without end.
    Forever,
}

impl FromStr for Keep {
    type Err = crate::TimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "forever" { Ok(Self::Forever) } else { text.parse().map(Self::For) }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(span) => span.fmt(f),
            Self::Forever => f.write_str("forever"),
        }
    }
}

impl Serialize for Keep {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Keep {
    fn schema_name() -> Cow<'static, str> {
        "Keep".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^\s*(forever|[0-9]+\s*(min|h|d))\s*$" })
    }
}

impl Decode for Keep {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        text::read(value, at, "fleet::bad_span", "a whole number of days, or forever: \"30d\", \"forever\"", problems)
    }
}

impl Decode for Monitoring {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self {
            mail: table.optional("mail", problems),
            retention: table.or_default("retention", problems),
            address: table.optional("address", problems).map(|Address(address)| address),
            machine: table.optional("machine", problems),
            volume: table.optional("volume", problems).unwrap_or_else(data),
            object_store: table.optional("object_store", problems),
            backup_age: table.optional("backup_age", problems).unwrap_or_else(week),
        };
        table.close(problems);
        if it.backup_age.minutes() < 24 * 60 {
            problems.add(
                &at.join("backup_age"),
                "fleet::backup_age_too_short",
                format!("{} is too short: a Mac that sleeps over night is no news", it.backup_age),
                "too short",
                "write at least \"1d\"",
            );
        }
        Some(it)
    }
}

impl Decode for Mail {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let to = table.required("to", "who is told: `to = \"you@your-provider.net\"`", problems);
        let from = table.required("from", "as whom: `from = \"nas@your-provider.net\"`", problems);
        let smarthost = table.required(
            "smarthost",
            "your provider's mail server: `smarthost = \"smtp.your-provider.net:587\"`",
            problems,
        );
        let user = table.optional("user", problems);
        table.close(problems);
        Some(Self { to: to?, from: from?, smarthost: smarthost?, user })
    }
}

impl Decode for Retention {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self {
            raw: table.optional("raw", problems).unwrap_or_else(raw),
            five_minutes: table.optional("five_minutes", problems).unwrap_or_else(five_minutes),
            one_hour: table.optional("one_hour", problems).unwrap_or_else(one_hour),
        };
        table.close(problems);
        // Thanos thins out what is older than 40 hours to 5 minutes, and that to an hour after 10 days
        // (thanos.io/tip/components/compact.md): what is gone by then is never thinned out.
        for (key, keep, least) in [("raw", it.raw, 2), ("five_minutes", it.five_minutes, 10)] {
            if matches!(keep, Keep::For(span) if span.minutes() < least * 24 * 60) {
                problems.add(
                    &at.join(key),
                    "fleet::retention_too_short",
                    format!("{keep} is too short: nothing would be left to thin out"),
                    "too short",
                    format!("write at least \"{least}d\""),
                );
            }
        }
        Some(it)
    }
}
