//! A value of a document, with its place in the text.

use crate::Path;
use std::ops::Range;

/// A value and the bytes of the text that it stands in.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Bytes of the source text.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// JSON's `null`; TOML has none.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Keys with their places and values, in the order of the text.
    Table(Vec<(String, Range<usize>, Value)>),
}

impl Kind {
    /// What a person calls it: `a number`, `text`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Value {
    /// The value of `key`, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entry(key).map(|(_, value)| value)
    }

    fn entry(&self, key: &str) -> Option<(Range<usize>, &Value)> {
        match &self.kind {
            Kind::Table(entries) => {
                entries.iter().find(|(name, ..)| name == key).map(|(_, span, value)| (span.clone(), value))
            }
            Kind::List(values) => values.get(key.parse::<usize>().ok()?).map(|value| (value.span.clone(), value)),
            _ => None,
        }
    }

    /// The same tree with places in another text, such as that of a program which printed it: `place` knows where a
    /// key is written; a value that it does not know stands where what holds it stands.
    #[must_use]
    pub fn placed(self, place: &impl Fn(&Path) -> Option<Range<usize>>) -> Self {
        self.placed_at(&Path::root(), 0..0, place)
    }

    fn placed_at(self, at: &Path, span: Range<usize>, place: &impl Fn(&Path) -> Option<Range<usize>>) -> Self {
        let below = |key: &str| {
            let at = at.join(key);
            let span = place(&at).unwrap_or_else(|| span.clone());
            (at, span)
        };
        let kind = match self.kind {
            Kind::List(values) => {
                let values = values.into_iter().enumerate().map(|(index, value)| {
                    let (at, span) = below(&index.to_string());
                    value.placed_at(&at, span, place)
                });
                Kind::List(values.collect())
            }
            Kind::Table(entries) => {
                let entries = entries.into_iter().map(|(key, _, value)| {
                    let (at, span) = below(&key);
                    (key, span.clone(), value.placed_at(&at, span, place))
                });
                Kind::Table(entries.collect())
            }
            simple => simple,
        };
        Self { span, kind }
    }

    /// Where `path` stands in the text: a simple value's own bytes, a table's key; as far as the path leads.
    pub fn place(&self, path: &Path) -> Range<usize> {
        let mut place = self.span.start..self.span.start;
        let mut here = self;
        for key in path.keys() {
            let Some((span, value)) = here.entry(key) else { break };
            let simple = !matches!(value.kind, Kind::Table(_) | Kind::List(_)) || span == value.span;
            place = if simple { value.span.clone() } else { span };
            here = value;
        }
        place
    }
}
