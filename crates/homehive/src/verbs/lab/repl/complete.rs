//! What may come next on a line, from the command line's own definition and the names of the fleet.

use super::split::split;
use crate::args::Cli;
use clap::{Command, CommandFactory as _};
use std::collections::BTreeMap;

/// What can be named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Machines.
    pub machines: Vec<String>,
    /// The nodes of each machine's disks.
    pub nodes: BTreeMap<String, Vec<String>>,
    /// Snapshots of the lab.
    pub snapshots: Vec<String>,
}

/// Every verb and option.
#[derive(Clone, Debug)]
pub struct Words {
    root: Command,
}

/// What `homehive lab` has, but for the conversation itself.
pub fn lab_verbs() -> Vec<String> {
    let root = Cli::command();
    root.find_subcommand("lab").map(verbs).unwrap_or_default()
}

fn verbs(command: &Command) -> Vec<String> {
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let names = shown.map(|verb| verb.get_name().to_owned());
    names.filter(|name| !["help", "repl"].contains(&name.as_str())).collect()
}

impl Words {
    /// Those of this definition.
    pub fn of(mut root: Command) -> Self {
        root.build();
        Self { root }
    }

    /// The verbs that are about machines.
    pub fn first(&self) -> Vec<String> {
        verbs(&self.root).into_iter().filter(|verb| verb != "lab").collect()
    }

    /// What may stand at the end of `line`: where the word that is being typed begins, and what it may become.
    pub fn complete(&self, line: &str, names: &Names) -> (usize, Vec<String>) {
        let space = line.char_indices().rfind(|(_, letter)| letter.is_whitespace());
        let start = space.map_or(0, |(at, letter)| at + letter.len_utf8());
        let typed = &line[start..];
        let Ok(before) = split(&line[..start]) else { return (start, Vec::new()) };
        let mut found = self.following(&before, typed.starts_with('-'), names);
        found.retain(|word| word.starts_with(typed));
        found.sort();
        found.dedup();
        (start, found)
    }

    fn following(&self, before: &[String], option: bool, names: &Names) -> Vec<String> {
        let Some((first, rest)) = before.split_first() else {
            let own = ["exit", "help", "homehive"].map(str::to_owned);
            return lab_verbs().into_iter().chain(self.first()).chain(own).collect();
        };
        let lab = self.root.find_subcommand("lab").filter(|lab| lab.find_subcommand(first).is_some());
        let (mut command, words) = match lab {
            Some(lab) => (lab, before),
            None if first == "homehive" => (&self.root, rest),
            None => (&self.root, before),
        };
        let mut said = Vec::new();
        for word in words {
            match command.find_subcommand(word) {
                Some(below) => command = below,
                None => said.push(word),
            }
        }
        if option {
            let options = command.get_arguments().filter(|arg| !arg.is_hide_set() && !arg.is_global_set());
            return options.filter_map(|arg| arg.get_long()).map(|long| format!("--{long}")).collect();
        }
        if command.has_subcommands() {
            return verbs(command);
        }
        if ["restore", "save"].contains(&command.get_name()) || said.last().is_some_and(|word| *word == "--from") {
            return names.snapshots.clone();
        }
        // A machine that was named has nodes; before that, machines are to be named.
        let nodes: Vec<String> = said.iter().filter_map(|word| names.nodes.get(*word)).flatten().cloned().collect();
        let machines = names.machines.iter().filter(|name| !said.contains(name));
        machines.cloned().chain(nodes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, Words};
    use crate::args::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn what_may_come_next() {
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let names = Names {
            machines: text(&["nas", "one"]),
            nodes: [("nas".to_owned(), text(&["disk.sata1", "mdadm.nas"]))].into(),
            snapshots: text(&["busy"]),
        };
        let words = Words::of(Cli::command());
        for (line, start, expected) in [
            ("fau", 0, &["fault"][..]),
            ("fault po", 6, &["power-cut"]),
            ("fault pull ", 11, &["nas", "one"]),
            ("fault pull nas d", 15, &["disk.sata1"]),
            ("fault power-cut nas --l", 20, &["--lose"]),
            ("snapshot re", 9, &["restore"]),
            ("snapshot restore ", 17, &["busy"]),
            ("disks pl", 6, &["plan"]),
            ("disks plan n", 11, &["nas"]),
            ("disks apply nas --wi", 16, &["--wipe"]),
            ("homehive ver", 9, &["verify"]),
            ("serve-", 0, &[]),
            ("repl", 0, &[]),
            ("ssh nas 'open ", 14, &[]),
            // As typed with AltGr held down.
            ("fault\u{a0}po", 7, &["power-cut"]),
            ("fault pull\u{3000}", 13, &["nas", "one"]),
        ] {
            assert_eq!(words.complete(line, &names), (start, text(expected)), "{line}");
        }
        let (_, first) = words.complete("", &names);
        assert!(
            ["boot", "status", "disks", "exit"].iter().all(|word| first.contains(&(*word).to_owned())),
            "{first:?}"
        );
    }
}
