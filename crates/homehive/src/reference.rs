//! The reference pages of the documentation, made from the command line's definition and the fleet's schema. A test keeps
//! `docs/reference/` in step.

use crate::args::Cli;
use clap::{Command, CommandFactory as _};
use serde_json::Value;
use std::fmt::Write as _;

const MADE: &str = "<!-- made from the code: UPDATE_DOCS=1 cargo test --package homehive reference -->\n";

/// The command line: every verb with its help.
pub fn command_line() -> String {
    let mut text = format!("# Command line\n\n{MADE}");
    let mut root = Cli::command().term_width(100);
    root.build();
    let _ = write!(text, "\n```text\n{}```\n", root.render_long_help());
    section(&root, &mut text);
    text
}

fn section(command: &Command, text: &mut String) {
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help" && !verb.is_hide_set()) {
        let mut verb = verb.clone().term_width(100);
        let name = verb.get_bin_name().unwrap_or_default().to_owned();
        // The options of every verb stand once, at the top.
        let globals: Vec<_> =
            verb.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.get_id().clone()).collect();
        for id in globals {
            verb = verb.mut_arg(id, |arg| arg.hide(true));
        }
        let _ = write!(text, "\n## `{name}`\n\n```text\n{}```\n", verb.render_long_help());
        section(&verb, text);
    }
}

/// The fleet file: every table with its keys.
pub fn fleet() -> String {
    let schema = fleet::schema::schema().to_value();
    let mut text = format!(
        "# Fleet file\n\n{MADE}\nThe same keys are written as TOML, as JSON, or as a Nix expression. Editors complete from \
        [`fleet.schema.json`](../schema/fleet.schema.json).\n"
    );
    table("The file", &schema, &mut text);
    if let Some(definitions) = schema["$defs"].as_object() {
        for (name, definition) in definitions {
            table(name, definition, &mut text);
        }
    }
    text
}

fn table(name: &str, schema: &Value, text: &mut String) {
    let about = schema["description"].as_str().unwrap_or_default();
    let choices = choices(schema);
    let Some(keys) = schema["properties"].as_object() else {
        if !choices.is_empty() || schema["type"] == "string" {
            let _ = write!(text, "\n## {name}\n\n{about}\n");
            for choice in choices {
                let _ = write!(text, "\n- {choice}");
            }
            if let Some(example) = schema["examples"][0].as_str() {
                let _ = write!(text, "\nFor example `\"{example}\"`.");
            }
            text.push('\n');
        }
        return;
    };
    let _ = write!(text, "\n## {name}\n\n{about}\n\n| key | what | |\n|---|---|---|\n");
    let required = |key: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|it| it == key));
    for (key, value) in keys {
        let about = value["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        let must = if required(key) { "required" } else { "" };
        let _ = writeln!(text, "| `{key}` | {about} {} | {must} |", kind(value));
    }
}

/// The words of a choice, with what each means.
fn choices(schema: &Value) -> Vec<String> {
    let all = schema["oneOf"].as_array().into_iter().flatten();
    let word = |choice: &Value| {
        let word = choice["const"].as_str().map(|word| format!("`\"{word}\"`"));
        let tagged = choice["properties"]["type"]["const"].as_str().map(|word| format!("`type = \"{word}\"`"));
        let about = choice["description"].as_str().unwrap_or_default().replace('\n', " ");
        word.or(tagged).map(|word| format!("{word}: {about} {}", reference(choice).map(link).unwrap_or_default()))
    };
    // One of several choices, each of which has words of its own.
    let of = |choice: &Value| {
        let about = choice["description"].as_str().unwrap_or_default().replace('\n', " ");
        reference(choice).map(|name| format!("[{name}](#{}): {about}", name.to_lowercase()))
    };
    let several = schema["anyOf"].as_array().into_iter().flatten().filter_map(of);
    all.filter_map(word).map(|line| line.trim_end().to_owned()).chain(several).collect()
}

/// The table or word that a value is, as a link.
fn kind(value: &Value) -> String {
    let inner = [value, &value["items"], &value["additionalProperties"]];
    let direct = inner.into_iter().find_map(reference);
    let optional = || value["anyOf"].as_array().into_iter().flatten().find_map(reference);
    direct.or_else(optional).map(link).unwrap_or_default()
}

fn reference(value: &Value) -> Option<&str> {
    value["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn link(name: &str) -> String {
    format!("→ [{name}](#{})", name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{command_line, fleet};
    use std::path::Path;

    #[test]
    fn the_reference_is_in_step() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
        for (name, text) in [("command-line.md", command_line()), ("fleet.md", fleet())] {
            let file = dir.join(name);
            if std::env::var_os("UPDATE_DOCS").is_some() {
                std::fs::create_dir_all(&dir).unwrap();
                std::fs::write(&file, &text).unwrap();
            }
            let found = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(found == text, "{} is not in step; UPDATE_DOCS=1 cargo test writes it", file.display());
        }
    }
}
