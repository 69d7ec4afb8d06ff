//! `[fleet]`: what holds for the fleet as a whole.

use crate::{Domain, FlakeRef, FleetName, ModulePath, Package, TimeZone};
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;

/// What holds for the fleet as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct About {
    /// The fleet's name. Every identity on its disks is derived from it: never change it afterwards.
    pub name: FleetName,
    /// The domain that the machines' names stand under; `home.arpa` (RFC 8375) if absent.
    #[serde(default = "domain")]
    pub domain: Domain,
    /// Where NixOS comes from; a lock file pins the exact revision.
    #[serde(default = "nixpkgs")]
    pub nixpkgs: FlakeRef,
    /// Where agenix comes from, which decrypts secrets on the machines; a release by its tag.
    #[serde(default = "agenix")]
    pub agenix: FlakeRef,
    /// Where homehive's share publisher comes from, the one thing of homehive that machines run.
    #[serde(default = "homehive")]
    pub homehive: FlakeRef,
    /// The machines' time zone; `UTC` if absent.
    #[serde(default = "utc")]
    pub timezone: TimeZone,
    /// NixOS modules of your own for every machine, as paths relative to the fleet file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModulePath>,
    /// Packages of nixpkgs on every machine, beside those that homehive brings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
}

/// Defaults are written in the words of the fleet file.
fn known<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("defaults are well-formed")
}

fn domain() -> Domain {
    known("home.arpa")
}

fn nixpkgs() -> FlakeRef {
    known("github:NixOS/nixpkgs/nixos-26.05")
}

fn agenix() -> FlakeRef {
    known("github:ryantm/agenix/0.15.0")
}

fn homehive() -> FlakeRef {
    known("github:homehive/homehive")
}

fn utc() -> TimeZone {
    known("UTC")
}

impl Decode for About {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let name = table.required("name", "name the fleet: `name = \"home\"`", problems);
        let domain = table.optional("domain", problems).unwrap_or_else(domain);
        let nixpkgs = table.optional("nixpkgs", problems).unwrap_or_else(nixpkgs);
        let agenix = table.optional("agenix", problems).unwrap_or_else(agenix);
        let homehive = table.optional("homehive", problems).unwrap_or_else(homehive);
        let timezone = table.optional("timezone", problems).unwrap_or_else(utc);
        let modules = table.or_default("modules", problems);
        let packages = table.or_default("packages", problems);
        table.close(problems);
        Some(Self { name: name?, domain, nixpkgs, agenix, homehive, timezone, modules, packages })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn defaults_are_well_formed() {
        let flakes = format!("{} {} {}", super::nixpkgs(), super::agenix(), super::homehive());
        assert_eq!(flakes, "github:NixOS/nixpkgs/nixos-26.05 github:ryantm/agenix/0.15.0 github:homehive/homehive");
        assert_eq!(format!("{} {}", super::domain(), super::utc()), "home.arpa UTC");
    }
}
