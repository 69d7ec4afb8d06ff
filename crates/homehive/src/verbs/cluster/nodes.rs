//! `cluster up`, `cluster remove`.

use super::apply::{Wanted, objects, summary};
use crate::answer;
use crate::args::{ClusterRemove, ClusterUp, Named};
use crate::clustering::{
    Found, Leave, Node, Survey, Unit, confirmed, connect, form, leave, look, remains, remove as take_out,
};
use crate::failure::Failure;
use crate::load::Loaded;
use crate::rendering::manifests;
use crate::verbs::Context;
use apply::Brought;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The answer of `cluster up --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClusterUpAnswer {
    /// Is every machine of the cluster a healthy node?
    pub whole: bool,
    /// The machines on which k3s was started.
    pub started: Vec<String>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// What was done to the objects, if it came to that.
    pub brought: Option<Brought>,
}

/// The answer of `cluster remove --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClusterRemoveAnswer {
    /// The node.
    pub node: String,
    /// The steps that were taken, or would be.
    pub steps: Vec<Leave>,
    /// Were they taken?
    pub done: bool,
    /// What remains to be done by hand.
    pub remains: Vec<String>,
}

pub async fn up(context: &Context, args: &ClusterUp) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    crate::clustering::servers(&loaded)?;
    let formed = tokio::select! {
        formed = form(context, &loaded, args.dry_run, args.deadline) => formed,
        _ = tokio::signal::ctrl_c() => {
            let next = context.again("cluster up");
            return Err(Failure::Failed(format!("interrupted; nodes that have joined stay\n  next: {next}")));
        }
    };
    let (survey, started) = formed?;
    let whole = survey.whole();
    let mut brought = None;
    if whole && !args.nodes_only && !args.dry_run {
        let files = manifests(&loaded)?;
        let (cluster, _) = connect(context, &loaded).await?;
        let (named, again) = (Named::default(), context.again("cluster up"));
        let wanted = Wanted { named: &named, yes: args.yes, deadline: args.deadline, again };
        brought = Some(objects(context, &loaded, &cluster, &files, &wanted).await?);
    }
    if context.global.json {
        answer::json("cluster-up", &ClusterUpAnswer { whole, started, nodes: survey.nodes, brought });
        return Ok(());
    }
    let mut text: String = survey.nodes.iter().map(Node::text).collect();
    if let Some(brought) = &brought {
        text.push_str(&summary(brought));
    }
    answer::text(&text);
    Ok(())
}

pub async fn remove(context: &Context, args: &ClusterRemove) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    crate::clustering::servers(&loaded)?;
    let name = &args.node;
    let survey = look(context, &loaded, BTreeMap::new()).await;
    if survey.nodes.is_empty() {
        let next = context.again("cluster up");
        return Err(Failure::Failed(format!("no server tells which nodes the cluster has\n  next: {next}")));
    }
    let found = found(context, &survey, args);
    let steps = leave(&loaded.fleet, &survey.nodes, name, &found);
    let steps = steps.map_err(|why| Failure::Refused(format!("{name}: {why}")))?;
    let again = context.again(&words(args));
    let listed = steps.iter().map(|step| format!("  {}", step.text())).collect::<Vec<_>>().join("\n");
    if !args.dry_run {
        context.story.note(name, format!("would leave the cluster\n{listed}"));
        confirmed(context, args.yes, &format!("{name} would leave the cluster"), &again).await?;
        tokio::select! {
            taken = take_out(context, &survey, name, &steps, &again) => taken?,
            _ = tokio::signal::ctrl_c() => {
                let text = "interrupted; the same again goes on from there";
                return Err(Failure::Failed(format!("{text}\n  next: {again}")));
            }
        }
    }
    let remains = remains(&loaded.fleet, &survey.nodes, name, &found);
    if context.global.json {
        let answer = ClusterRemoveAnswer { node: name.clone(), steps, done: !args.dry_run, remains };
        answer::json("cluster-remove", &answer);
        return Ok(());
    }
    let begin = if args.dry_run {
        format!("{name} would leave the cluster\n{listed}\n")
    } else {
        format!("{name} has left the cluster\n")
    };
    let rest = remains.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n");
    answer::text(&format!("{begin}what remains to be done by hand\n{rest}"));
    Ok(())
}

/// What was said on the command line, to be typed again.
fn words(args: &ClusterRemove) -> String {
    format!("cluster remove {}{}", args.node, if args.dead { " --dead" } else { "" })
}

/// What is known of the machine whose node is to leave.
fn found(context: &Context, survey: &Survey, args: &ClusterRemove) -> Found {
    let name = &args.node;
    match (survey.doors.contains_key(name), args.dead) {
        (true, false) => Found::Answers,
        (true, true) => Found::Alive,
        (false, true) => Found::Dead,
        (false, false) => {
            let machine = survey.machines.iter().find(|machine| machine.name == *name);
            let why = match machine.map(|machine| &machine.unit) {
                Some(Unit::Away(why)) => why.clone(),
                Some(Unit::None | Unit::Stopped | Unit::Failed(_) | Unit::Runs) => "the connection is lost".to_owned(),
                None => "the fleet file has no machine of the cluster of this name".to_owned(),
            };
            let dead = ClusterRemove { dead: true, ..args.clone() };
            Found::Silent { why, dead: context.again(&words(&dead)) }
        }
    }
}
