//! `show`: what the fleet file means, in words, as data or as a picture.

use super::Context;
use crate::answer;
use crate::args::Show;
use crate::failure::Failure;
use crate::load::Loaded;
use fleet::Fleet;
use fleet::summary::Summary;
use std::fs;

pub fn run(context: &Context, show: &Show) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let mut summary = Summary::of(&loaded.fleet);
    if let Some(machine) = &show.machine {
        let name = loaded.machine(machine)?;
        summary = summary
            .only(&name)
            .ok_or_else(|| Failure::Bug(format!("`{name}` is in the fleet and not in its summary")))?;
    }
    if let Some(file) = &show.svg {
        let drawn = verify::draw::fleet(&only(&loaded.fleet, show.machine.as_deref()));
        if file.as_os_str() == "-" {
            if context.global.json {
                return Err(Failure::usage("a picture is no JSON", "name a file for it: --svg FILE"));
            }
            answer::text(&drawn);
            return Ok(());
        }
        fs::write(file, drawn).map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))?;
        if !context.global.json {
            answer::text(&format!("wrote {}", file.display()));
            return Ok(());
        }
    }
    if context.global.json {
        answer::json("show", &summary);
    } else {
        answer::text(&summary.to_text());
    }
    Ok(())
}

/// The fleet, or what is left of it with one machine alone.
fn only(fleet: &Fleet, machine: Option<&str>) -> Fleet {
    let mut fleet = fleet.clone();
    if let Some(machine) = machine {
        fleet.machines.retain(|name, _| name.as_ref() == machine);
        fleet.shares.retain(|_, share| share.machine.as_ref() == machine);
        fleet.monitoring = None;
    }
    fleet
}
