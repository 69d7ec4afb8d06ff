//! `[network]`: the one subnet that the machines share.

use crate::net::Address;
use crate::{AddressRange, HostName, ShareNames, Subnet};
use document::{Decode, Kind, Path, Problems, Table, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The one subnet that the machines share.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Network {
    /// The subnet: `192.168.1.0/24`.
    pub subnet: Subnet,
    /// The router's address in it; the machines reach nothing outside if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Ipv4Addr>,
    /// Name servers; the gateway if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Ipv4Addr>,
    /// What the router gives out by itself; nothing static may lie in it.
    #[serde(default, skip_serializing_if = "Ranges::is_empty")]
    pub dhcp: Ranges,
    /// The load balancer's pool: one address for each share, one for Grafana.
    #[serde(default, skip_serializing_if = "Ranges::is_empty")]
    pub balancer: Ranges,
    /// Other hosts with addresses of their own (a printer, the router), known by name on every machine.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<HostName, Ipv4Addr>,
    /// How shares are called on the LAN, below `.local`: `{share}` stands for the share's name. `{share}-samba` if absent.
    #[serde(default, skip_serializing_if = "ShareNames::is_default")]
    pub share_names: ShareNames,
}

impl Network {
    /// The name servers that machines ask: those declared, else the gateway.
    pub fn name_servers(&self) -> Vec<Ipv4Addr> {
        if self.dns.is_empty() { self.gateway.into_iter().collect() } else { self.dns.clone() }
    }
}

impl Decode for Network {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let subnet = table.required("subnet", "write your LAN's subnet: `subnet = \"192.168.1.0/24\"`", problems);
        let gateway = table.optional("gateway", problems).map(|Address(address)| address);
        let dns: Vec<Address> = table.or_default("dns", problems);
        let dhcp = table.or_default("dhcp", problems);
        let balancer = table.or_default("balancer", problems);
        let hosts: BTreeMap<HostName, Address> = table.or_default("hosts", problems);
        let share_names = table.or_default("share_names", problems);
        table.close(problems);
        let dns = dns.into_iter().map(|Address(address)| address).collect();
        let hosts = hosts.into_iter().map(|(name, Address(address))| (name, address)).collect();
        Some(Self { subnet: subnet?, gateway, dns, dhcp, balancer, hosts, share_names })
    }
}

/// One range, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<AddressRange>);

impl Ranges {
    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = AddressRange> {
        self.0.iter().copied()
    }

    /// Does this address lie in one of them?
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.iter().any(|range| range.contains(address))
    }

    /// How many addresses there are in all; ranges that overlap are a problem of their own.
    pub fn count(&self) -> u64 {
        self.iter().map(AddressRange::count).sum()
    }
}

impl Decode for Ranges {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        match &value.kind {
            Kind::List(_) => Vec::decode(value, at, problems).map(Self),
            _ => AddressRange::decode(value, at, problems).map(|range| Self(vec![range])),
        }
    }
}

impl Serialize for Ranges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl JsonSchema for Ranges {
    fn schema_name() -> Cow<'static, str> {
        "Ranges".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<AddressRange>();
        json_schema!({ "anyOf": [range, { "type": "array", "items": range }] })
    }
}
