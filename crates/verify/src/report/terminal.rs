//! A report as text for a terminal: aligned, with or without colour.

use super::{Reading, Report, Stage, Verification, by_reason};
use crate::text::{clean, seconds};
use crate::{GroupResult, Outcome};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// How a terminal is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Words only: no escape sequence, no symbol beyond ASCII of our own.
    Plain,
    /// Symbols and colours.
    Colour,
}

#[derive(Clone, Copy)]
enum Ink {
    Good,
    Bad,
    Soft,
    Bold,
}

impl Look {
    fn paint(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Good => 32,
            Ink::Bad => 31,
            Ink::Soft => 2,
            Ink::Bold => 1,
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    fn mark(self, reading: Reading) -> String {
        let (word, symbol, ink) = match reading {
            Reading::Passed => ("ok    ", "✓", Ink::Good),
            Reading::Noticed => ("noticed", "✓", Ink::Good),
            Reading::Failed => ("FAILED", "✗", Ink::Bad),
            Reading::Unnoticed => ("MISSED", "✗", Ink::Bad),
            Reading::NotRun => ("not run", "–", Ink::Soft),
        };
        match self {
            Self::Plain => format!("{word:<7}"),
            Self::Colour => self.paint(ink, symbol),
        }
    }
}

/// The report as text; every line ends with a newline.
pub fn terminal(report: &Report, look: Look) -> String {
    let run = &report.run;
    let mut out = String::new();
    let facts = [run.machine.clone(), report.setting(), run.started.clone(), seconds(run.seconds)];
    let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    let _ = writeln!(out, "{}", look.paint(Ink::Bold, &line(&run.title)));
    let _ = writeln!(out, "{}", look.paint(Ink::Soft, &line(&facts.join(" | "))));
    if !run.stages.is_empty() {
        let _ = writeln!(out, "\n{}", look.paint(Ink::Bold, "Stages"));
        stages(&mut out, &run.stages, look);
    }
    for plan in &run.plans {
        let _ = writeln!(out, "\n{}", look.paint(Ink::Bold, &line(&plan.title)));
        let rows = plan.steps.iter().map(|step| (reading(&step.outcome), step.what.as_str(), step.seconds, ""));
        timed(&mut out, rows.collect(), look);
    }
    for verification in &run.verifications {
        let _ = writeln!(out, "\n{}", look.paint(Ink::Bold, &line(&format!("Verified {}", verification.title))));
        groups(&mut out, verification, look);
    }
    if !report.not_run.is_empty() {
        let _ = writeln!(out, "\n{}", look.paint(Ink::Bold, "What was not run, and why"));
        for (reason, whats) in by_reason(&report.not_run) {
            let _ = writeln!(out, "  {}", line(reason));
            for what in whats {
                let _ = writeln!(out, "    {}", look.paint(Ink::Soft, &line(what)));
            }
        }
    }
    let summary = &report.summary;
    let counts = format!("{} passed, {} failed, {} not run", summary.passed, summary.failed, summary.not_run);
    let (word, ink) = if summary.good { ("good", Ink::Good) } else { ("found wanting", Ink::Bad) };
    let _ = writeln!(out, "\n{}: {counts}", look.paint(ink, word));
    out
}

fn stages(out: &mut String, stages: &[Stage], look: Look) {
    let rows = stages.iter().map(|s| (reading(&s.outcome), s.name.as_str(), s.seconds, s.detail.as_str()));
    timed(out, rows.collect(), look);
}

fn timed(out: &mut String, rows: Vec<(Reading, &str, f64, &str)>, look: Look) {
    let width = rows.iter().map(|row| line(row.1).width()).max().unwrap_or(0);
    for (reading, name, took, detail) in rows {
        let time = if reading == Reading::NotRun { String::new() } else { seconds(took) };
        let row = format!("  {} {}  {time:>12}  {}", look.mark(reading), pad(&line(name), width), line(detail));
        let _ = writeln!(out, "{}", row.trim_end());
    }
}

fn groups(out: &mut String, verification: &Verification, look: Look) {
    let open = |group: &&GroupResult| matches!(group.outcome, Outcome::NotRun { .. });
    let run: Vec<_> = verification.groups.iter().filter(|group| !open(group)).collect();
    let wide = |text: fn(&GroupResult) -> &str| run.iter().map(|group| line(text(group)).width()).max().unwrap_or(0);
    let (ids, titles) = (wide(|group| &group.id), wide(|group| &group.title));
    for group in &run {
        let reading = verification.reading(group);
        let passed = group.checks.iter().filter(|check| check.outcome == Outcome::Passed).count();
        let told = match reading {
            Reading::Noticed => ": failed, as it had to",
            Reading::Unnoticed => ": passed, but had to fail",
            Reading::Passed | Reading::Failed | Reading::NotRun => "",
        };
        let (id, title) = (pad(&line(&group.id), ids), pad(&line(&group.title), titles));
        let _ =
            writeln!(out, "  {} {id}  {title}  {passed} of {} checks{told}", look.mark(reading), group.checks.len());
        for check in group.checks.iter().filter(|check| check.outcome == Outcome::Failed) {
            let mark = if reading.bad() { look.paint(Ink::Bad, "!") } else { "!".to_owned() };
            let _ = writeln!(out, "      {mark} {}: {}", line(&check.title), line(&check.detail));
        }
    }
    let left: Vec<_> = verification.groups.iter().filter(open).map(|group| line(&group.id)).collect();
    if !left.is_empty() {
        let _ = writeln!(out, "  {} {}", look.mark(Reading::NotRun), look.paint(Ink::Soft, &left.join(", ")));
    }
}

fn reading(outcome: &Outcome) -> Reading {
    match outcome {
        Outcome::Passed => Reading::Passed,
        Outcome::Failed => Reading::Failed,
        Outcome::NotRun { .. } => Reading::NotRun,
    }
}

/// `text` on one line.
fn line(text: &str) -> String {
    clean(text).lines().map(str::trim).collect::<Vec<_>>().join(" / ").replace('\t', " ")
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}
