//! `lab repl`: the lab's commands, and those of `homehive --lab`, one a line. Each is run as if it had been typed in a shell,
//! by a homehive of its own.

mod complete;
mod split;

use crate::answer;
use crate::args::{Cli, Global};
use crate::failure::Failure;
use crate::labs;
use crate::load::Loaded;
use crate::verbs::Context;
use clap::CommandFactory as _;
use complete::{Names, Words};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Editor, Helper as LineHelper};
use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::signal::unix::SignalKind;

/// Reads commands until there are no more, or `exit`. From a pipe, the first that fails ends it, with its exit status.
pub fn run(context: &Context, declared: &Loaded) -> Result<(), Failure> {
    if io::stdin().is_terminal() { converse(context, declared) } else { follow(context) }
}

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Exit,
    Help,
    /// Words behind `homehive`.
    Run(Vec<String>),
}

/// What a line asks for; an error is what is wrong with it.
fn asked(line: &str) -> Result<Asked, String> {
    let words = split::split(line)?;
    let Some((first, rest)) = words.split_first() else { return Ok(Asked::Nothing) };
    Ok(match first.as_str() {
        "exit" | "quit" if rest.is_empty() => Asked::Exit,
        "help" if rest.is_empty() => Asked::Help,
        "repl" => return Err("this is one already".to_owned()),
        "homehive" => Asked::Run(behind(&["--lab"], rest)),
        _ if complete::lab_verbs().iter().any(|verb| verb == first) => Asked::Run(behind(&["lab"], &words)),
        _ => Asked::Run(behind(&["--lab"], &words)),
    })
}

fn behind(before: &[&str], words: &[String]) -> Vec<String> {
    before.iter().map(|word| (*word).to_owned()).chain(words.iter().cloned()).collect()
}

/// A person at a terminal.
fn converse(context: &Context, declared: &Loaded) -> Result<(), Failure> {
    let failed = |error: ReadlineError| Failure::Failed(format!("this terminal: {error}"));
    let config = Config::builder().history_ignore_dups(true).map_err(failed)?.auto_add_history(true).build();
    let mut editor: Editor<Desk, FileHistory> = Editor::with_config(config).map_err(failed)?;
    editor.set_helper(Some(Desk { words: Words::of(Cli::command()), names: names(declared) }));
    let history = history();
    if let Some(path) = &history {
        // The first time there is none.
        let _ = editor.load_history(path);
    }
    // While a command runs Ctrl-C ends that one alone: this process takes it, and does nothing.
    let _taken = tokio::signal::unix::signal(SignalKind::interrupt())
        .map_err(|error| Failure::Failed(format!("cannot take Ctrl-C: {error}")))?;
    answer::aside(format_args!("the lab of {}; Tab completes, help explains, Ctrl-D leaves", declared.path.display()));
    loop {
        match editor.readline("lab> ") {
            Ok(line) => match asked(&line) {
                Ok(Asked::Nothing) => {}
                Ok(Asked::Exit) => break,
                Ok(Asked::Help) => help(),
                Ok(Asked::Run(words)) => {
                    // It has told what went wrong; here the next line is what comes next.
                    let _ = ended(context, &words);
                }
                Err(why) => answer::aside(format_args!("homehive: {why}")),
            },
            // Ctrl-C takes the line back.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(failed(error)),
        }
    }
    if let Some(path) = history {
        keep(&mut editor, &path).map_err(failed)?;
    }
    Ok(())
}

/// Lines from a pipe or a file.
fn follow(context: &Context) -> Result<(), Failure> {
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::Failed(format!("standard input: {error}")))?;
        let asked =
            asked(&line).map_err(|why| Failure::usage(format!("`{line}`: {why}"), "write it as for a shell"))?;
        match asked {
            Asked::Nothing => {}
            Asked::Exit => break,
            Asked::Help => help(),
            Asked::Run(words) => {
                let status = ended(context, &words)?;
                if status != 0 {
                    return Err(Failure::Ended(status));
                }
            }
        }
    }
    Ok(())
}

/// Runs a homehive with these words; its exit status.
fn ended(context: &Context, words: &[String]) -> Result<u8, Failure> {
    // What is mistyped is told without a process.
    let typed = std::iter::once("homehive".to_owned()).chain(words.iter().cloned());
    if let Err(error) = Cli::of(typed) {
        // What cannot be printed cannot be told otherwise either.
        let _ = error.print();
        return Ok(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let failed = |error: io::Error| Failure::Failed(format!("cannot run homehive: {error}"));
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(global(&context.global)).args(words);
    if !io::stdin().is_terminal() {
        // A command of a pipe must not eat the lines that follow it.
        command.stdin(Stdio::null());
    }
    let status = command.status().map_err(failed)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(130))
}

/// The options that a line inherits.
fn global(global: &Global) -> Vec<String> {
    let mut words = Vec::new();
    if global.names_fleet() {
        words.extend(["--fleet".to_owned(), global.fleet.to_string_lossy().into_owned()]);
    }
    for (set, word) in [(global.json, "--json"), (global.plain, "--plain")] {
        words.extend(set.then(|| word.to_owned()));
    }
    words.extend(std::iter::repeat_n("--verbose".to_owned(), usize::from(global.verbose)));
    words
}

fn help() {
    let (lab, all) = (complete::lab_verbs().join(", "), Words::of(Cli::command()).first().join(", "));
    answer::text(&format!(
        "the lab: {lab}\nits machines, as with homehive --lab: {all}\n\
         a word that both have means the lab; write homehive before it for the other\n\
         WORD --help explains one; exit, or Ctrl-D, leaves"
    ));
}

/// What can be named: machines, their disks' nodes, and snapshots.
fn names(declared: &Loaded) -> Names {
    let machines = declared.fleet.machines.keys();
    let nodes = machines.clone().filter_map(|name| {
        let wish = declared.fleet.wish(name)?;
        Some((name.to_string(), wish.nodes.iter().map(|node| node.id.to_string()).collect()))
    });
    let place = labs::place(declared).ok();
    let snapshots = place.and_then(|place| labs::Saved::list(&place).ok()).unwrap_or_default();
    Names { machines: machines.map(ToString::to_string).collect(), nodes: nodes.collect(), snapshots }
}

/// `$XDG_STATE_HOME/homehive/repl-history`, or below `~/.local/state`.
fn history() -> Option<PathBuf> {
    let labs = lab::LabDir::place("any")?;
    Some(labs.parent()?.parent()?.join("repl-history"))
}

fn keep(editor: &mut Editor<Desk, FileHistory>, path: &Path) -> Result<(), ReadlineError> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    // Only its owner may read it: the editor sees to that (umask 0177).
    editor.save_history(path)
}

/// What the line editor asks for while a person types.
struct Desk {
    words: Words,
    names: Names,
}

impl Completer for Desk {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.words.complete(&line[..at], &self.names))
    }
}

impl Hinter for Desk {
    type Hint = String;
}

impl Highlighter for Desk {}

impl Validator for Desk {}

impl LineHelper for Desk {}

#[cfg(test)]
mod tests {
    use super::{Asked, asked};

    #[test]
    fn a_line_is_of_the_lab_or_of_its_machines() {
        let run = |words: &[&str]| Ok(Asked::Run(words.iter().map(|word| (*word).to_owned()).collect()));
        for (line, expected) in [
            ("", Ok(Asked::Nothing)),
            ("  # a remark", Ok(Asked::Nothing)),
            ("exit", Ok(Asked::Exit)),
            ("help", Ok(Asked::Help)),
            ("fault pull nas disk.sata1", run(&["lab", "fault", "pull", "nas", "disk.sata1"])),
            ("status", run(&["lab", "status"])),
            ("homehive status nas", run(&["--lab", "status", "nas"])),
            ("disks plan nas", run(&["--lab", "disks", "plan", "nas"])),
            ("ssh nas sh -c 'echo \"a b\"'", run(&["lab", "ssh", "nas", "sh", "-c", "echo \"a b\""])),
            ("repl", Err("this is one already".to_owned())),
            ("ssh nas 'open", Err("a quote is not closed".to_owned())),
        ] {
            assert_eq!(asked(line), expected, "{line}");
        }
    }
}
