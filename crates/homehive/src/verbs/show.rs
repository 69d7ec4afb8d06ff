//! `show`: what the fleet file means.

use super::Context;
use crate::answer;
use crate::args::Show;
use crate::failure::Failure;
use crate::load::Loaded;
use fleet::summary::Summary;

pub fn run(context: &Context, show: &Show) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let mut summary = Summary::of(&loaded.fleet);
    if let Some(machine) = &show.machine {
        let name = loaded.machine(machine)?;
        summary = summary
            .only(&name)
            .ok_or_else(|| Failure::Bug(format!("`{name}` is in the fleet and not in its summary")))?;
    }
    if context.global.json {
        answer::json("show", &summary);
    } else {
        answer::text(&summary.to_text());
    }
    Ok(())
}
