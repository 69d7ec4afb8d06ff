//! What homehive says of itself: completions, manual pages, schemas of its answers.

use crate::answer;
use crate::args::Cli;
use crate::failure::Failure;
use crate::schemas;
use clap::CommandFactory as _;
use std::path::Path;

pub fn completions(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "homehive", &mut script);
    answer::text(&String::from_utf8_lossy(&script));
}

pub fn man(dir: &Path) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::Failed(format!("cannot write manual pages to {}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(failed)?;
    answer::text(&format!("wrote manual pages to {}; read one: man -l {}/homehive.1", dir.display(), dir.display()));
    Ok(())
}

pub fn schema(name: Option<&str>) -> Result<(), Failure> {
    let all = schemas::all();
    let Some(name) = name else {
        answer::text(&all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("\n"));
        return Ok(());
    };
    let Some((_, schema)) = all.iter().find(|(known, _)| *known == name) else {
        let known = all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        return Err(Failure::usage(format!("no schema `{name}`"), format!("known: {known}")));
    };
    answer::text(&serde_json::to_string_pretty(schema).unwrap_or_default());
    Ok(())
}
