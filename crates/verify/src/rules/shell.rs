//! Programs that are there, and what an interactive shell knows.

use super::{at, output, verdict};
use crate::Printed;
use crate::judge::Verdict;
use schemars::JsonSchema;
use serde::Serialize;

/// What is true of the admin's shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShellRule {
    /// `command -v` prints a path for each of these programs, one after another.
    Programs {
        /// The programs.
        names: Vec<String>,
    },
    /// What `alias` and `complete -p` print in an interactive bash: this alias, and completion for these commands.
    Completion {
        /// The alias's name.
        alias: String,
        /// What it stands for.
        means: String,
        /// Commands that complete.
        commands: Vec<String>,
    },
}

impl ShellRule {
    pub(super) fn judge(&self, answers: &[&Printed]) -> Verdict {
        match self {
            Self::Programs { names } => {
                let found: Vec<&str> = at(answers, 0)?.stdout.lines().map(str::trim).collect();
                let there =
                    |name: &str| found.iter().any(|path| path.strip_suffix(name).is_some_and(|p| p.ends_with('/')));
                let wrong: Vec<_> =
                    names.iter().filter(|name| !there(name)).map(|name| format!("{name} is not there")).collect();
                if names.is_empty() {
                    return Err("no program is expected: report this as a bug".to_owned());
                }
                verdict(&wrong, names.join(", "))
            }
            Self::Completion { alias, means, commands } => {
                let text = output(answers, 0)?;
                let mut wrong = Vec::new();
                if !text.lines().any(|line| line.trim() == format!("alias {alias}='{means}'")) {
                    wrong.push(format!("{alias} does not stand for `{means}`"));
                }
                let completes = |command: &str| {
                    let mut lines = text.lines().filter(|line| line.starts_with("complete "));
                    lines.any(|line| line.split_whitespace().last() == Some(command))
                };
                let silent = commands.iter().filter(|command| !completes(command));
                wrong.extend(silent.map(|command| format!("{command} does not complete")));
                verdict(&wrong, format!("{alias} stands for `{means}`; {} complete", commands.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ShellRule;
    use crate::Printed;

    #[test]
    fn tables() {
        let programs = || ShellRule::Programs { names: vec!["mdadm".into(), "git".into()] };
        let completion = || ShellRule::Completion {
            alias: "kubectl".into(),
            means: "k3s kubectl".into(),
            commands: vec!["kubectl".into(), "k3s".into()],
        };
        let bash =
            "alias kubectl='k3s kubectl'\ncomplete -o default -F __start_kubectl kubectl\ncomplete -F _k3s k3s\n";
        let paths = "/run/current-system/sw/bin/mdadm\n/run/current-system/sw/bin/git\n";
        for (case, rule, stdout, wanted) in [
            ("programs", programs(), paths.to_owned(), Ok("mdadm, git")),
            ("one missing", programs(), paths.replace("/git", "/legit"), Err("git is not there")),
            ("none", programs(), String::new(), Err("mdadm is not there; git is not there")),
            (
                "completion",
                completion(),
                bash.to_owned(),
                Ok("kubectl stands for `k3s kubectl`; kubectl, k3s complete"),
            ),
            ("no alias", completion(), bash.replace("alias", "#"), Err("does not stand for")),
            ("no completion", completion(), bash.replace("complete -F", "#"), Err("k3s does not complete")),
        ] {
            match (rule.judge(&[&Printed { stdout, ..Printed::default() }]), wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{case}"),
                (Err(found), Err(wanted)) => assert!(found.contains(wanted), "{case}: {found}"),
                (found, _) => panic!("{case}: {found:?}"),
            }
        }
    }
}
