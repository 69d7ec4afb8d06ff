//! `render`: the fleet as a plain NixOS flake.

use super::Context;
use crate::answer;
use crate::args::Render;
use crate::failure::Failure;
use crate::load::Loaded;
use crate::rendering::{self, Change, Written};
use crate::sealing::Vault;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// The answer of `render --json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RenderAnswer {
    /// Where the tree lies.
    pub dir: String,
    /// Was it only looked at (`--check`)?
    pub checked: bool,
    /// Files that were written.
    pub written: Vec<String>,
    /// Files that no machine needs any more, and were removed.
    pub removed: Vec<String>,
    /// How many files were right already.
    pub unchanged: usize,
    /// Secrets that were made or sealed anew, with what they are.
    pub made: Vec<String>,
    /// With `--check`: what differs.
    pub differences: Vec<Change>,
    /// What only you can add.
    pub missing: Vec<String>,
}

pub fn run(context: &Context, args: &Render) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let dir = rendering::place(&loaded, args.out.as_deref());
    if args.check {
        return check(context, &loaded, &dir);
    }
    let out = args.out.as_ref().map(|out| format!(" --out {}", cmd::quote(&out.to_string_lossy())));
    let again = context.again(&format!("render{}", out.unwrap_or_default()));
    // What is refused leaves nothing behind, no secrets either.
    rendering::decide(&loaded, &dir, &args.overwrite)?.respect_edits(&again)?;
    let made = if args.no_secrets { Vec::new() } else { rendering::make_secrets(&loaded, &dir)? };
    let Written { files, removed, unchanged } = rendering::decide(&loaded, &dir, &args.overwrite)?.write(&again)?;
    let missing = missing(context, &loaded);
    let answer = RenderAnswer {
        dir: dir.display().to_string(),
        checked: false,
        written: files,
        removed,
        unchanged,
        made,
        differences: Vec::new(),
        missing,
    };
    if context.global.json {
        answer::json("render", &answer);
    } else {
        answer::text(&text(&answer));
    }
    Ok(())
}

fn check(context: &Context, loaded: &Loaded, dir: &Path) -> Result<(), Failure> {
    let rendering = rendering::decide(loaded, dir, &[])?;
    let good = rendering.changes.is_empty();
    let (unchanged, differences) = (rendering.unchanged(), rendering.changes);
    if context.global.json {
        let answer = RenderAnswer {
            dir: dir.display().to_string(),
            checked: true,
            written: Vec::new(),
            removed: Vec::new(),
            unchanged,
            made: Vec::new(),
            differences,
            missing: missing(context, loaded),
        };
        answer::json("render", &answer);
    } else if good {
        answer::text(&format!("{}: as the fleet file has it ({unchanged} files)", dir.display()));
    } else {
        let mut text = String::new();
        for change in &differences {
            text.push_str(&change.diff);
        }
        let _ = writeln!(text, "{} of the files in {} differ from the fleet file", differences.len(), dir.display());
        let _ = write!(text, "next: {}", context.again("render"));
        answer::text(&text);
    }
    if good { Ok(()) } else { Err(Failure::Wanting) }
}

/// Secrets that only the user knows.
fn missing(context: &Context, loaded: &Loaded) -> Vec<String> {
    let vault = Vault::of(loaded);
    let line = |secret: &nixos::Sealed| {
        let set = context.again(&format!("secrets set {}", secret.name()));
        format!("secrets/{}: for {}; until then that does without ({set})", secret.file, secret.uses.join(", "))
    };
    vault.unset().map(line).collect()
}

fn text(answer: &RenderAnswer) -> String {
    let mut text = String::new();
    let lists = [("made", &answer.made), ("wrote", &answer.written), ("removed", &answer.removed)];
    for (word, list) in lists {
        for item in list {
            let _ = writeln!(text, "{word} {item}");
        }
    }
    let changed = answer.written.len() + answer.removed.len();
    let _ = writeln!(text, "{}: {changed} files changed, {} as they were", answer.dir, answer.unchanged);
    for item in &answer.missing {
        let _ = writeln!(text, "missing {item}");
    }
    if changed + answer.made.len() > 0 {
        // A flake in a Git repository consists of what Git knows.
        let dir = cmd::quote(&answer.dir);
        let _ = write!(text, "next: in a Git repository, git add {dir}; then nix flake check {dir}");
    }
    text
}
