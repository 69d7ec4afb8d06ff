//! `disks import`: disko's device trees as lines of the fleet file.

use super::Context;
use crate::answer;
use crate::args::Import;
use crate::failure::Failure;
use crate::importing;
use crate::load::Loaded;
use fleet::HostName;
use schemars::JsonSchema;
use serde::Serialize;
use storage::NodeId;
use storage::disko::{Finding, Kind, import, merge};
use storage::tree::Storage;

/// The answer of `disks import --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImportAnswer {
    /// The machine that the lines are for.
    pub machine: String,
    /// Was all of it carried over, and is nothing wrong with it?
    pub good: bool,
    /// The device tree, as it stands under `storage` of a machine.
    pub storage: Storage,
    /// What was left out, what differs, what is to be filled in.
    pub findings: Vec<Finding>,
    /// The same as lines of a fleet file.
    pub toml: String,
}

/// What a machine is called until the user says it.
const UNNAMED: &str = "NAME";

pub async fn run(context: &Context, args: &Import) -> Result<(), Failure> {
    let machine = machine(context, args)?;
    let mut sources = Vec::new();
    let mut findings = Vec::new();
    for name in &args.sources {
        let found = importing::find(name, args.nixpkgs.as_deref(), &context.story).await?;
        if found.imports > 0 {
            findings.push(Finding {
                kind: Kind::LeftOut,
                at: "imports".to_owned(),
                node: None,
                message: format!("{name} imports other files, which are not read"),
                help: "name those that declare disks beside it, or import the whole as FLAKE#HOST".to_owned(),
            });
        }
        sources.push(found.source);
    }
    let tree = merge(&sources).map_err(|clashes| {
        let lines: Vec<String> = clashes.iter().map(ToString::to_string).collect();
        let help = "let one definition of each device stand, or two that are the same";
        Failure::usage(lines.join("\n"), help)
    })?;
    let mut imported = import(&tree);
    imported.findings.splice(0..0, findings);
    let toml = imported.to_toml(&machine);
    let good = imported.findings.is_empty();
    if context.global.json {
        let storage::disko::Import { storage, findings } = imported;
        answer::json("disks-import", &ImportAnswer { machine, good, storage, findings, toml });
    } else {
        answer::text(&toml);
        tell(&imported.findings, &machine, context);
    }
    if good { Ok(()) } else { Err(Failure::Wanting) }
}

/// The name for the lines: what was said, the flake's host, the fleet's only machine, or a placeholder.
fn machine(context: &Context, args: &Import) -> Result<String, Failure> {
    if let Some(name) = &args.machine {
        let help = "write a host name: lower case letters, digits and `-`";
        let parsed = name.parse::<HostName>();
        return parsed.map(|name| name.to_string()).map_err(|error| Failure::usage(format!("`{name}`: {error}"), help));
    }
    let host = args.sources.iter().find_map(|source| importing::flake(source)).map(|(_, host)| host);
    if let Some(name) = host.and_then(|host| host.parse::<HostName>().ok()) {
        return Ok(name.to_string());
    }
    let fleet = Loaded::read(&context.global.fleet).ok();
    let mut machines = fleet.iter().flat_map(|loaded| loaded.fleet.machines.keys());
    match (machines.next(), machines.next()) {
        (Some(only), None) => Ok(only.to_string()),
        _ => Ok(UNNAMED.to_owned()),
    }
}

/// What was found, and what to do with the lines.
fn tell(findings: &[Finding], machine: &str, context: &Context) {
    for Finding { kind, at, node, message, help } in findings {
        let place =
            node.as_ref().filter(|_| matches!(kind, Kind::Wrong | Kind::FillIn)).map_or(at.as_str(), NodeId::as_str);
        answer::aside(format_args!("{}: {place}: {message}\n  {help}", kind.word()));
    }
    let mut next = format!("append the lines to {}, then {}", context.global.fleet.display(), context.again("check"));
    if machine == UNNAMED {
        next = format!("say whose disks they are with --machine; then {next}");
    }
    answer::aside(format_args!("next: {next}"));
}
