//! `init`: a first fleet file, in which only what the user alone knows is missing.

use super::Context;
use crate::answer;
use crate::args::{Init, Kind};
use crate::failure::Failure;
use crate::load::{Loaded, Unloaded};
use fleet::scaffold;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write};

/// The answer of `init --json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InitAnswer {
    /// The file that was written.
    pub file: String,
    /// What is still to be filled in, by the keys that lead there.
    pub missing: Vec<String>,
}

pub fn run(context: &Context, init: &Init) -> Result<(), Failure> {
    let (kind, text) = match init.kind {
        Kind::Nas => ("nas", scaffold::nas(&scaffold::Nas::default())),
        Kind::Cluster => ("cluster", scaffold::cluster(&scaffold::Cluster::default())),
    };
    let path = init.dir.join("fleet.toml");
    let failed = |error: io::Error| Failure::Failed(format!("cannot write {}: {error}", path.display()));
    fs::create_dir_all(&init.dir).map_err(failed)?;
    let mut file = match File::create_new(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = format!("{} is there already; name another directory: homehive init {kind} DIR", path.display());
            return Err(Failure::Refused(text));
        }
        made => made.map_err(failed)?,
    };
    file.write_all(text.as_bytes()).map_err(failed)?;
    let missing: Vec<String> = match Loaded::read(&path) {
        Ok(_) => Vec::new(),
        Err(Unloaded::Wrong(report)) => report.findings().into_iter().map(|finding| finding.path).collect(),
        Err(Unloaded::Unreadable(failure)) => return Err(failure),
    };
    let file = path.display().to_string();
    if context.global.json {
        answer::json("init", &InitAnswer { file, missing });
        return Ok(());
    }
    let mut text = format!("wrote {file}\nto be filled in, for only you know it:\n");
    for place in missing {
        let _ = writeln!(text, "  {place}");
    }
    let _ = write!(text, "next: homehive --fleet {file} check");
    answer::text(&text);
    Ok(())
}
