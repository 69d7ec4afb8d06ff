//! What is wrong with a document, and how it is told.

use crate::{Path, Value};
use miette::{Diagnostic, LabeledSpan, NamedSource, Severity};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// One thing that is wrong: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The value at fault.
    pub at: Path,
    /// Stable name of the check, such as `storage::too_few_members`.
    pub code: &'static str,
    /// What is wrong, naming the thing; lower case, no full stop.
    pub message: String,
    /// What is written at the mark, a few words.
    pub label: String,
    /// What to write instead.
    pub help: String,
}

/// All that is wrong with a document, gathered while it is read and checked.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
    /// Places of problems that no path leads to, by their index in `found`.
    spans: BTreeMap<usize, Range<usize>>,
}

impl Problems {
    /// Adds a problem; `label` stands at the mark, `help` says what to write instead.
    pub fn add(
        &mut self,
        at: &Path,
        code: &'static str,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Problem { at: at.clone(), code, message: message.into(), label: label.into(), help: help.into() };
        if !self.found.contains(&problem) {
            self.found.push(problem);
        }
    }

    /// Adds a problem of the text itself, which stands at `span` because no path leads there.
    pub(crate) fn add_at(&mut self, span: Range<usize>, problem: Problem) {
        self.spans.insert(self.found.len(), span);
        self.found.push(problem);
    }

    /// Is anything wrong?
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Is anything wrong at or below `path`? What refers to such a place need not complain again.
    pub fn within(&self, path: &Path) -> bool {
        self.found.iter().any(|problem| problem.at.within(path))
    }

    /// All problems, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }

    /// The problems as a report on `text`, in the order of the text.
    pub fn into_report(self, name: &str, text: &str, root: &Value) -> Report {
        let mut marks: Vec<Mark> = self
            .found
            .into_iter()
            .enumerate()
            .map(|(index, problem)| {
                let place = self.spans.get(&index).cloned().unwrap_or_else(|| root.place(&problem.at));
                let before = &text.as_bytes()[..place.start.min(text.len())];
                let line = before.split(|byte| *byte == b'\n').count();
                let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
                Mark { problem, offset: place.start, length: place.len(), line, column, source: None }
            })
            .collect();
        marks.sort_by_key(|mark| mark.offset);
        let count = marks.len();
        let source = NamedSource::new(name, text.to_owned());
        for mark in &mut marks {
            mark.source = Some(source.clone());
        }
        Report { file: name.to_owned(), count, marks }
    }
}

/// Everything that is wrong with one file, as a [`Diagnostic`] and as data.
#[derive(Debug)]
pub struct Report {
    file: String,
    count: usize,
    marks: Vec<Mark>,
}

#[derive(Debug)]
struct Mark {
    problem: Problem,
    offset: usize,
    length: usize,
    line: usize,
    column: usize,
    source: Option<NamedSource<String>>,
}

/// One problem as data, for `--json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Stable name of the check.
    pub code: String,
    /// The keys that lead to the value at fault, joined by dots.
    pub path: String,
    /// Line of the file, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Report {
    /// The problems as data, in the order of the text.
    pub fn findings(&self) -> Vec<Finding> {
        self.marks
            .iter()
            .map(|mark| Finding {
                code: mark.problem.code.to_owned(),
                path: mark.problem.at.to_string(),
                line: mark.line,
                column: mark.column,
                message: mark.problem.message.clone(),
                help: mark.problem.help.clone(),
            })
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.count == 1 { "" } else { "s" };
        write!(f, "{} has {} problem{s}", self.file, self.count)
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.marks.iter().map(|mark| mark as &dyn Diagnostic)))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Mark {}

impl Diagnostic for Mark {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.problem.help.is_empty()).then(|| Box::new(&self.problem.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new(Some(self.problem.label.clone()), self.offset, self.length);
        Some(Box::new(std::iter::once(label)))
    }
}
