//! `lab snapshot`: the whole lab under a name, and back to it.

use crate::answer;
use crate::args::Snapshot;
use crate::failure::Failure;
use crate::labs::{self, Saved};
use crate::load::Loaded;
use crate::verbs::Context;
use std::time::Instant;

pub async fn run(context: &Context, declared: &Loaded, verb: &Snapshot) -> Result<(), Failure> {
    let place = labs::place(declared)?;
    let begun = Instant::now();
    let told = match verb {
        Snapshot::Save { name } => {
            let saved = Saved::named(&place, name)?;
            saved.save(labs::open(declared, &context.story)?.held()).await?;
            let back = context.again(&format!("lab snapshot restore {name}"));
            format!("{}: {}\nnext: {back}", took("saved", begun), kept(&saved))
        }
        Snapshot::Restore { name } => {
            let saved = Saved::named(&place, name)?;
            if !saved.exists() {
                let known = Saved::list(&place)?.join(", ");
                let help = if known.is_empty() { "none is saved".to_owned() } else { format!("saved: {known}") };
                return Err(Failure::usage(format!("no snapshot `{name}` of this lab"), help));
            }
            let running = labs::open(declared, &context.story)?.restore(&saved).await?;
            let next = context.again("lab status");
            let on = if running.is_empty() { "all machines are off".to_owned() } else { running.join(", ") + " on" };
            format!("{}: {on}\nnext: {next}", took("restored", begun))
        }
        Snapshot::List => {
            let names = Saved::list(&place)?;
            let lines = names.iter().map(|name| Ok(format!("{name}: {}", kept(&Saved::named(&place, name)?))));
            let lines = lines.collect::<Result<Vec<_>, Failure>>()?;
            if lines.is_empty() { "no snapshots of this lab".to_owned() } else { lines.join("\n") }
        }
    };
    answer::text(&told);
    Ok(())
}

fn took(what: &str, begun: Instant) -> String {
    format!("{what} in {:.1} s", begun.elapsed().as_secs_f64())
}

/// What a snapshot holds.
fn kept(saved: &Saved) -> String {
    match saved.running().as_slice() {
        [] => "disks".to_owned(),
        names => format!("disks, and the memory of {}", names.join(", ")),
    }
}
