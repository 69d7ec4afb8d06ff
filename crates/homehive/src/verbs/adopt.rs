//! `disks adopt`: the identities that a machine's disks have go into the fleet file.

use super::Context;
use super::disks::{read_facts, wish};
use crate::answer;
use crate::args::Adopt;
use crate::failure::Failure;
use crate::load::{self, Loaded};
use crate::reach;
use document::{Format, Path};
use fleet::{Fleet, HostName};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use storage::NodeId;
use storage::adopt::{Adoption, Strange, adopt};
use storage::facts::Facts;
use storage::plan::{Consent, Plan};

/// The answer of `disks adopt --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AdoptAnswer {
    /// The machine.
    pub machine: String,
    /// The identities that are the fleet's from now on.
    pub adopted: Vec<Adopted>,
    /// What is declared and not there, or something else: then nothing is written.
    pub strange: Vec<Strange>,
    /// Was the fleet file changed?
    pub written: bool,
    /// What `disks plan` says with these identities; none if something is strange.
    pub plan: Option<Plan>,
}

/// An identity that was adopted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Adopted {
    /// The node.
    pub node: NodeId,
    /// Of what of it: `filesystem (xfs)`.
    pub of: String,
    /// The key of the fleet file, with those above it.
    pub key: String,
    /// The identity.
    pub uuid: String,
}

pub async fn run(context: &Context, args: &Adopt) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.machine)?;
    let facts = facts(context, &loaded, &name, args).await?;
    let machine = loaded.fleet.machines.get(&name);
    let storage = machine.map(|machine| &machine.storage).filter(|storage| !storage.disk.is_empty());
    let Some(storage) = storage else {
        let help = "declare them first: `homehive probe HOST --propose` proposes the disks, `homehive disks import` reads disko's trees";
        return Err(Failure::usage(format!("`{name}` declares no disks"), help));
    };
    let at = Path::root().join("machines").join(&name).join("storage");
    let found = adopt(storage, &at, &wish(&loaded, &name)?, &facts);
    if !found.strange.is_empty() {
        return strange(context, &name, found);
    }
    let (text, fleet) = edited(&loaded, &found)?;
    let wish = fleet.wish(&name).ok_or_else(|| Failure::Bug(format!("no wish for `{name}`")))?;
    let plan = storage::plan::plan(&wish, &facts, &Consent::default());
    let written = !args.dry_run && !found.identities.is_empty();
    if written {
        load::rewrite(&loaded.path, &text)
            .map_err(|error| Failure::failed("writing the fleet file", error, context.again("disks adopt")))?;
    }
    if context.global.json {
        let adopted = adopted(&found);
        let answer = AdoptAnswer { machine: name.to_string(), adopted, strange: Vec::new(), written, plan: Some(plan) };
        answer::json("disks-adopt", &answer);
    } else {
        answer::text(&told(context, &name, &loaded, &found, written, &plan));
    }
    Ok(())
}

async fn facts(context: &Context, loaded: &Loaded, name: &HostName, args: &Adopt) -> Result<Facts, Failure> {
    if let Some(file) = &args.facts {
        return read_facts(file);
    }
    let reached = reach::reach(loaded, name, args.host.as_deref(), &context.story).await?;
    let again = context.again(&format!("disks adopt {name}"));
    reached.machine.look().await.map_err(|error| Failure::failed(name, error, again))
}

fn adopted(found: &Adoption) -> Vec<Adopted> {
    let one = |it: &storage::adopt::Identity| Adopted {
        node: it.node.clone(),
        of: it.of.clone(),
        key: it.at.to_string(),
        uuid: it.uuid.clone(),
    };
    found.identities.iter().map(one).collect()
}

/// Nothing is written: what is adopted is whole, or not adopted.
fn strange(context: &Context, name: &HostName, found: Adoption) -> Result<(), Failure> {
    let lines = found.strange.iter().map(|it| format!("{}: {}\n  {}", it.node, it.reason, it.remedy));
    let text = lines.collect::<Vec<_>>().join("\n");
    if context.global.json {
        let (adopted, strange) = (adopted(&found), found.strange);
        let machine = name.to_string();
        answer::json("disks-adopt", &AdoptAnswer { machine, adopted, strange, written: false, plan: None });
    }
    Err(Failure::Refused(format!("{name} is not as its disks are declared; nothing was written\n{text}")))
}

/// The fleet file with the identities, and the fleet that it says then.
fn edited(loaded: &Loaded, found: &Adoption) -> Result<(String, Fleet), Failure> {
    let path = loaded.path.display();
    let by_hand = || {
        let lines = found.identities.iter().map(|it| format!("{} = \"{}\"", it.at, it.uuid));
        format!("write the identities by hand:\n{}", lines.collect::<Vec<_>>().join("\n"))
    };
    if loaded.path.extension().is_some_and(|extension| extension == "nix") {
        return Err(Failure::usage(format!("{path} is a Nix expression, which is not edited"), by_hand()));
    }
    let text = std::fs::read_to_string(&loaded.path)
        .map_err(|error| Failure::usage(format!("cannot read {path}: {error}"), "name it with --fleet FILE"))?;
    let texts: Vec<(Path, String)> = found.identities.iter().map(|it| (it.at.clone(), it.uuid.clone())).collect();
    let format = Format::of(&path.to_string());
    let text = document::edit(&text, format, &texts)
        .map_err(|error| Failure::usage(format!("{path} cannot be edited: {error}"), by_hand()))?;
    let fleet = Fleet::parse(&text, &path.to_string(), format)
        .map_err(|report| Failure::Failed(format!("with the identities the fleet would be wrong: {report:?}")))?;
    Ok((text, fleet))
}

fn told(context: &Context, name: &HostName, loaded: &Loaded, found: &Adoption, written: bool, plan: &Plan) -> String {
    let mut text = String::new();
    let width = found.identities.iter().map(|it| it.node.as_str().len()).max().unwrap_or_default();
    for it in &found.identities {
        let _ = writeln!(text, "{:width$}  {}  {}", it.node, it.uuid, it.of);
    }
    let many = found.identities.len();
    let _ = match (many, written) {
        (0, _) => writeln!(text, "{name}: every identity is the fleet's already"),
        (_, true) => writeln!(text, "{name}: {many} identities are in {} now", loaded.path.display()),
        (_, false) => writeln!(text, "{name}: {many} identities would go into {}", loaded.path.display()),
    };
    if plan.is_empty() && plan.refusals.is_empty() {
        text.push_str("its disks are as declared: nothing is left to do");
    } else {
        let _ = write!(text, "what is left: {}", context.again(&format!("disks plan {name}")));
        let _ = write!(text, "\n{}", plan.to_text());
    }
    text
}
