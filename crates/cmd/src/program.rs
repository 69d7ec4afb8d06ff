//! Several commands as one shell program, so that they cost one round trip; and what such a program says of a failure.

use crate::{Cmd, Secret, quote};
use std::fmt::Write as _;

/// One line of a [`Program`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Run it; the program stops if it fails.
    Run(Cmd),
    /// Run it with a key on its standard input; the program stops if it fails.
    Feed {
        /// What is run.
        cmd: Cmd,
        /// What it reads.
        key: Secret,
    },
    /// Run it; the program stops unless it prints exactly `output` (trailing newlines apart). Its exit status counts only
    /// where nothing is to be printed: whoever cannot ask prints nothing either.
    Expect {
        /// What is asked.
        cmd: Cmd,
        /// What it must answer.
        output: String,
    },
}

impl Line {
    /// The command of the line.
    pub fn cmd(&self) -> &Cmd {
        match self {
            Self::Run(cmd) | Self::Feed { cmd, .. } | Self::Expect { cmd, .. } => cmd,
        }
    }

    /// The same line with its devices filled in, as [`Cmd::resolve`] does.
    pub fn resolve(&self, path: impl FnMut(&str) -> Option<String>) -> Result<Self, String> {
        match self {
            Self::Run(cmd) => cmd.resolve(path).map(Self::Run),
            Self::Feed { cmd, key } => cmd.resolve(path).map(|cmd| Self::Feed { cmd, key: key.clone() }),
            Self::Expect { cmd, output } => cmd.resolve(path).map(|cmd| Self::Expect { cmd, output: output.clone() }),
        }
    }
}

/// Commands that run one after another in one shell, until the first failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// In this order.
    pub lines: Vec<Line>,
}

/// Where a [`Program`] stopped, as it says itself on standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which line, counted from 0.
    pub line: usize,
    /// The exit status of its command.
    pub status: i32,
    /// What an [`Line::Expect`] printed instead of what was expected.
    pub found: Option<String>,
}

const MARK: &str = "homehive-fault";

impl Program {
    /// The program as text for `sh -s`: POSIX, no line of it reads the shell's own standard input.
    pub fn to_sh(&self, device: impl Fn(&str) -> String + Copy) -> String {
        let mut text = String::from("set -u\n");
        for (at, line) in self.lines.iter().enumerate() {
            let words = line.cmd().to_sh(device);
            let words = match (line, &line.cmd().input) {
                (Line::Feed { key, .. }, _) => format!("{} | {words}", *key.to_sh()),
                (_, Some(input)) => format!("printf %s {} | {words}", quote(input)),
                (_, None) => format!("{words} </dev/null"),
            };
            let _ = match line {
                Line::Run(_) | Line::Feed { .. } => {
                    writeln!(text, "{words} || {{ s=$?; echo \"{MARK} {at} $s\" >&2; exit \"$s\"; }}")
                }
                Line::Expect { output, .. } => {
                    let output = output.trim_end_matches('\n');
                    let status = if output.is_empty() { " && [ \"$s\" = 0 ]" } else { "" };
                    let right = format!("[ \"$o\" = {} ]{status}", quote(output));
                    writeln!(text, "o=$({words}); s=$?; {right} || {{ echo \"{MARK} {at} $s $o\" >&2; exit 65; }}")
                }
            };
        }
        text
    }
}

impl Fault {
    /// Takes the fault's mark off the end of a program's standard error: the fault, and what the commands said.
    pub fn take(stderr: &str) -> Option<(Self, String)> {
        let at = stderr.rfind(MARK).filter(|at| *at == 0 || stderr.as_bytes()[at - 1] == b'\n')?;
        let mut words = stderr[at + MARK.len()..].trim_start().splitn(3, [' ', '\n']);
        let line = words.next()?.parse().ok()?;
        let status = words.next()?.parse().ok()?;
        let found = words.next().map(str::trim_end).filter(|found| !found.is_empty()).map(str::to_owned);
        Some((Self { line, status, found }, stderr[..at].to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Line, Program};
    use crate::Cmd;
    use std::io::Write as _;

    #[expect(clippy::disallowed_types, reason = "what a program says is what a real shell says")]
    fn sh(program: &Program) -> (i32, String, String) {
        use std::process::{Command, Stdio};
        let mut child = Command::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(program.to_sh(str::to_owned).as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    }

    #[test]
    fn runs_all_and_feeds_input() {
        let program = Program {
            lines: vec![
                Line::Run(Cmd::new("cat").input("it's $HOME\n")),
                Line::Expect { cmd: Cmd::new("echo").arg("a b"), output: "a b\n".into() },
                Line::Run(Cmd::new("echo").arg("end")),
            ],
        };
        assert_eq!(sh(&program), (0, "it's $HOME\nend\n".into(), String::new()));
    }

    #[test]
    fn feeds_any_bytes_and_shows_none() {
        let bytes: Vec<u8> = (0..=255).chain(*b"0'%\\\n").collect();
        let sum = Cmd::new("od").args(["-A", "n", "-v", "-t", "u1"]);
        let program = Program { lines: vec![Line::Feed { cmd: sum, key: crate::Secret::new(bytes.clone()) }] };
        assert!(!format!("{program:?}").contains("37, 92"), "{program:?}");
        let (status, out, err) = sh(&program);
        let read: Vec<u8> = out.split_whitespace().map(|byte| byte.parse().unwrap()).collect();
        assert_eq!((status, read, err.as_str()), (0, bytes, ""));
    }

    #[test]
    fn names_the_line_that_failed() {
        let fails = Cmd::new("sh").args(["-c", "echo broken >&2; exit 7"]);
        let program =
            Program { lines: vec![Line::Run(Cmd::new("true")), Line::Run(fails), Line::Run(Cmd::new("echo"))] };
        let (status, out, err) = sh(&program);
        assert_eq!((status, out.as_str()), (7, ""));
        let fault = Fault { line: 1, status: 7, found: None };
        assert_eq!(Fault::take(&err), Some((fault, "broken\n".into())));
    }

    #[test]
    fn a_question_that_cannot_be_asked_is_not_answered_with_nothing() {
        for (case, status) in [("exit 0", 0), ("exit 1", 65)] {
            let cmd = Cmd::new("sh").args(["-c", case]);
            let program = Program { lines: vec![Line::Expect { cmd, output: String::new() }] };
            let (ended, _, err) = sh(&program);
            assert_eq!(ended, status, "{case}: {err}");
            let fault = (status != 0).then(|| (Fault { line: 0, status: 1, found: None }, String::new()));
            assert_eq!(Fault::take(&err), fault, "{case}");
        }
    }

    #[test]
    fn says_what_was_found_instead() {
        let program =
            Program { lines: vec![Line::Expect { cmd: Cmd::new("echo").arg("WD-2"), output: "WD-1".into() }] };
        let (status, _, err) = sh(&program);
        let fault = Fault { line: 0, status: 0, found: Some("WD-2".into()) };
        assert_eq!((status, Fault::take(&err)), (65, Some((fault, String::new()))));
    }
}
