//! `disks undo-tables`: what was saved before it was overwritten, listed and put back.

use super::Context;
use crate::answer;
use crate::args::UndoTables;
use crate::failure::Failure;
use crate::load::Loaded;
use crate::reach;
use machine::{Held, SaveError};
use schemars::JsonSchema;
use serde::Serialize;
use storage::save::Save;

/// The answer of `disks undo-tables --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UndoAnswer {
    /// The machine.
    pub machine: String,
    /// All saves of the machine, the oldest first.
    pub saves: Vec<Save>,
    /// The names of those that were put back now, in this order.
    pub put_back: Vec<String>,
}

pub async fn run(context: &Context, args: &UndoTables) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.target.machine)?;
    let verb = format!("disks undo-tables {name}");
    let shelf = super::shelf(&loaded, &name);
    let list = || shelf.list().map_err(|error| Failure::Failed(error.to_string()));
    let mut put_back = Vec::new();
    if let Some(wanted) = &args.save {
        let chosen = chosen(list()?, wanted)?;
        let again = context.again(&format!("{verb} {wanted}"));
        let failed = |error: &dyn std::fmt::Display| Failure::failed(&name, error, &again);
        let reached = reach::reach(&loaded, &name, args.target.host.as_deref(), &context.story).await?;
        let lock = super::disks::lock(&reached.machine, "disks undo-tables", &context.story, &again).await?;
        let journal = super::journal(&loaded, &name)?;
        for held in chosen {
            let facts = reached.machine.look().await.map_err(|error| failed(&error))?;
            let (save, device) = (held.name().to_owned(), held.what().device.clone());
            context.story.stage(reached.machine.name(), format!("puts back {save} on {device}"));
            held.put_back(&reached.machine, &lock, &facts, &journal).await.map_err(|error| match &error {
                SaveError::Unfit(..) => Failure::Refused(format!("{error}{}", before(&put_back))),
                SaveError::File { .. }
                | SaveError::Run(_)
                | SaveError::Short { .. }
                | SaveError::Damaged(_)
                | SaveError::Program(_)
                | SaveError::NotBack { .. }
                | SaveError::Journal(_) => failed(&error),
            })?;
            put_back.push(save);
        }
        lock.release().await;
    }
    let held = list()?;
    if context.global.json {
        let saves = held.iter().map(|held| held.what().clone()).collect();
        answer::json("disks-undo-tables", &UndoAnswer { machine: name.to_string(), saves, put_back });
    } else if !put_back.is_empty() {
        let next = context.again(&format!("disks status {name}"));
        answer::text(&format!("{name}: put back {}\nnext: {next}", put_back.join(", ")));
    } else if held.is_empty() {
        answer::text(&format!("{name}: nothing was overwritten, and nothing is saved"));
    } else {
        let lines: Vec<String> = held.iter().map(|held| line(held.what())).collect();
        let next = context.again(&format!("{verb} SAVE"));
        answer::text(&format!("{}\nnext, to put one back: {next}", lines.join("\n")));
    }
    Ok(())
}

/// How much of a name is enough: when it was made, to the second.
const ENOUGH: usize = "20261127T190521".len();

/// The saves that `wanted` names and those of the same devices that were made after one of them, the newest first: what
/// was written later has to go first.
fn chosen(held: Vec<Held>, wanted: &str) -> Result<Vec<Held>, Failure> {
    let named = |held: &Held| held.name() == wanted || wanted.len() >= ENOUGH && held.name().starts_with(wanted);
    if !held.iter().any(named) {
        let names: Vec<&str> = held.iter().map(Held::name).collect();
        let help = if names.is_empty() { "nothing is saved".into() } else { format!("saved: {}", names.join(", ")) };
        return Err(Failure::usage(format!("no save `{wanted}`"), help));
    }
    let mut first: Vec<(String, String)> = Vec::new();
    for held in held.iter().filter(|held| named(held)) {
        if !first.iter().any(|(known, _)| *known == held.what().known) {
            first.push((held.what().known.clone(), held.name().to_owned()));
        }
    }
    let after = |held: &Held| {
        let since = first.iter().find(|(known, _)| *known == held.what().known);
        since.is_some_and(|(_, name)| held.name() >= name.as_str())
    };
    let mut chosen: Vec<Held> = held.into_iter().filter(|held| after(held) && !held.what().back).collect();
    if chosen.is_empty() {
        return Err(Failure::Refused(format!("{wanted}: {}", storage::save::Unfit::Back)));
    }
    chosen.reverse();
    Ok(chosen)
}

fn before(put_back: &[String]) -> String {
    if put_back.is_empty() {
        return "\n  nothing was written".to_owned();
    }
    format!("\n  put back before that: {}", put_back.join(", "))
}

fn line(save: &Save) -> String {
    let state = match (save.back, save.whole) {
        (true, _) => "put back",
        (false, true) => "saved",
        (false, false) => "for the record: not all that was overwritten",
    };
    format!("{}  {state}\n    {}: before `{}`", save.name, save.device, save.step)
}
