//! What is wrong with a document, and how it is told.

use crate::{Path, Value};
use miette::{Diagnostic, LabeledSpan, NamedSource, Severity};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

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
    /// What was found where, by index in `found`, so that nothing is told twice.
    by_place: HashMap<Path, Vec<usize>>,
    /// Places that have been told of as a whole.
    settled: HashSet<Path>,
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
        if self.settled.contains(at) {
            return;
        }
        let problem = Problem { at: at.clone(), code, message: message.into(), label: label.into(), help: help.into() };
        let here = self.by_place.entry(at.clone()).or_default();
        if !here.iter().any(|index| self.found[*index] == problem) {
            here.push(self.found.len());
            self.found.push(problem);
        }
    }

    /// What stands at `at` has been told of as a whole: later problems at exactly this place are not added.
    pub fn settle(&mut self, at: &Path) {
        self.settled.insert(at.clone());
    }

    /// Takes back all problems with this code, as when another problem explains them.
    pub fn forget(&mut self, code: &str) {
        let found = std::mem::take(&mut self.found);
        let mut spans = std::mem::take(&mut self.spans);
        self.by_place.clear();
        for (index, problem) in found.into_iter().enumerate().filter(|(_, problem)| problem.code != code) {
            let new = self.found.len();
            match spans.remove(&index) {
                Some(span) => drop(self.spans.insert(new, span)),
                None => self.by_place.entry(problem.at.clone()).or_default().push(new),
            }
            self.found.push(problem);
        }
    }

    /// How many problems there are.
    pub fn len(&self) -> usize {
        self.found.len()
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
        self.by_place.keys().any(|at| at.within(path))
    }

    /// All problems, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }

    /// The problems as a report on `text`, in the order of the text.
    pub fn into_report(self, name: &str, text: &str, root: &Value) -> Report {
        let source = Arc::new(NamedSource::new(name, text.to_owned()));
        let starts: Vec<usize> = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1))
            .collect();
        let spans = self.spans;
        let mut marks: Vec<Mark> = self
            .found
            .into_iter()
            .enumerate()
            .map(|(index, problem)| {
                let place = spans.get(&index).cloned().unwrap_or_else(|| root.place(&problem.at));
                let offset = place.start.min(text.len());
                let line = starts.partition_point(|start| *start <= offset);
                let column = 1 + offset - starts[line - 1];
                Mark { problem, offset, length: place.len(), line, column, source: Arc::clone(&source) }
            })
            .collect();
        marks.sort_by_key(|mark| mark.offset);
        let count = marks.len();
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
    source: Arc<NamedSource<String>>,
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
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new(Some(self.problem.label.clone()), self.offset, self.length);
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
mod tests {
    use super::Problems;
    use crate::{Format, Path, read};

    const TEXT: &str = "name = \"é\"\n\n[machines.nas]\naddress = 7\n";

    /// Lines and columns of what is found, with its code.
    fn marks(problems: Problems) -> Vec<(usize, usize, String)> {
        let root = read(TEXT, Format::Toml, &mut Problems::default());
        let findings = problems.into_report("fleet.toml", TEXT, &root).findings();
        findings.into_iter().map(|it| (it.line, it.column, it.code)).collect()
    }

    #[test]
    fn problems_stand_in_the_order_of_the_text_and_once() {
        let mut problems = Problems::default();
        let address = Path::from_iter(["machines", "nas", "address"]);
        for (at, code) in [
            (&address, "b"),
            (&address, "b"),
            (&address, "a"),
            (&Path::from_iter(["name"]), "c"),
            (&address.parent(), "d"),
            (&address.join("nowhere"), "e"),
            (&Path::root(), "f"),
        ] {
            problems.add(at, code, "message", "label", "help");
        }
        let wanted = [(1, 1, "f"), (1, 8, "c"), (3, 11, "d"), (4, 11, "b"), (4, 11, "a"), (4, 11, "e")];
        assert_eq!(marks(problems), wanted.map(|(line, column, code)| (line, column, code.to_owned())));
    }

    #[test]
    fn a_settled_place_is_told_of_once_and_a_forgotten_code_not_at_all() {
        let mut problems = Problems::default();
        let name = Path::from_iter(["name"]);
        problems.add(&name, "first", "message", "label", "help");
        problems.settle(&name);
        problems.add(&name, "later", "message", "label", "help");
        problems.add(&name.join("below"), "below", "message", "label", "help");
        assert!(problems.within(&name) && !problems.within(&Path::from_iter(["machines"])));
        problems.forget("below");
        assert_eq!(problems.len(), 1);
        assert_eq!(marks(problems), [(1, 8, "first".to_owned())]);
    }
}
