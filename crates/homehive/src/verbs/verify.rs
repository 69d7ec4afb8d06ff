//! `verify`: a machine against the fleet, group by group.

use super::Context;
use crate::answer;
use crate::args::Verify;
use crate::failure::Failure;
use crate::load::Loaded;
use crate::reach::{self, System};
use crate::verifying;
use std::fs;
use std::path::Path;
use verify::report::{Look, Report, Run, Verification, html, junit, terminal};

pub async fn run(context: &Context, args: &Verify) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.target.machine)?;
    let started = machine::clock::now();
    let reached = reach::reach(&loaded, &name, args.target.host.as_deref(), &context.story).await?;
    if reached.system == System::Installer || (reached.system == System::Other && reach::is_pinned(&loaded, &name)) {
        let text = format!("{name} answers, but not with its own host key: its own system is not what runs there");
        return Err(Failure::Failed(format!("{text}\n  next: boot it from its own disk, then homehive verify {name}")));
    }
    context.story.stage(name.to_string(), "is asked");
    let verified = verifying::verify(&reached.machine, &loaded, &name, &args.group, true).await?;
    let wish = super::wish(&loaded, &name)?;
    let picture = verifying::picture("now", &wish, verified.facts.as_ref());
    let title = "verification".to_owned();
    let verification =
        Verification { title, seconds: verified.seconds, must_fail: Vec::new(), groups: verified.groups };
    let report = Report::of(Run {
        title: format!("{name} of fleet {}", loaded.fleet.about.name),
        machine: name.to_string(),
        started,
        seconds: verified.seconds,
        payload: verified.payload,
        verifications: vec![verification],
        pictures: vec![picture],
        ..Run::default()
    });
    if let Some(file) = &args.junit {
        write(file, &junit(&report).map_err(|error| Failure::Bug(error.to_string()))?)?;
    }
    if let Some(file) = &args.html {
        write(file, &html(&report))?;
    }
    if context.global.json {
        answer::json("verify", &report);
    } else {
        answer::text(&terminal(&report, look(context)));
    }
    if report.summary.good { Ok(()) } else { Err(Failure::Wanting) }
}

/// Colour on a terminal that wants it.
pub fn look(context: &Context) -> Look {
    use std::io::IsTerminal as _;
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if context.global.plain || no_colour || !std::io::stdout().is_terminal() { Look::Plain } else { Look::Colour }
}

/// Writes a report's file.
pub fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let make = || {
        if let Some(dir) = file.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            fs::create_dir_all(dir)?;
        }
        fs::write(file, text)
    };
    make().map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))
}
