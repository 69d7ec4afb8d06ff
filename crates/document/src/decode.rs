//! From tree to types, gathering every problem on the way instead of stopping at the first.

use crate::{Kind, Path, Problems, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A type that can be read from a value of a document.
///
/// `None` means that a problem was added; the rest of the document is read all the same.
pub trait Decode: Sized {
    /// Reads `value`, which stands at `at`.
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self>;
}

/// A table being read key by key; [`Table::close`] reports the keys nobody asked for.
pub struct Table<'a> {
    entries: &'a [(String, Range<usize>, Value)],
    at: &'a Path,
    asked: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// Opens `value` as a table, or says that it is none.
    pub fn open(value: &'a Value, at: &'a Path, problems: &mut Problems) -> Option<Self> {
        match &value.kind {
            Kind::Table(entries) => Some(Self { entries, at, asked: Vec::new() }),
            other => {
                wrong_kind(at, "a table", other, problems);
                None
            }
        }
    }

    /// Where the table stands.
    pub fn at(&self) -> &Path {
        self.at
    }

    /// The value of `key`, undecoded; the key counts as known from here on.
    pub fn raw(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.push(key);
        self.entries.iter().find(|(name, ..)| name == key).map(|(.., value)| value)
    }

    /// The value of `key`, which may be absent.
    pub fn optional<T: Decode>(&mut self, key: &'static str, problems: &mut Problems) -> Option<T> {
        let value = self.raw(key)?;
        T::decode(value, &self.at.join(key), problems)
    }

    /// The value of `key`, or the type's default.
    pub fn or_default<T: Decode + Default>(&mut self, key: &'static str, problems: &mut Problems) -> T {
        self.optional(key, problems).unwrap_or_default()
    }

    /// The value of `key`, whose absence is a problem; `help` says what to write, with an example.
    pub fn required<T: Decode>(&mut self, key: &'static str, help: &str, problems: &mut Problems) -> Option<T> {
        if let Some(value) = self.raw(key) {
            return T::decode(value, &self.at.join(key), problems);
        }
        let whose = if self.at.last().is_none() { "the document".to_owned() } else { format!("`{}`", self.at) };
        problems.add(self.at, "document::missing_key", format!("{whose} lacks `{key}`"), format!("no `{key}`"), help);
        None
    }

    /// Reports every key that was never asked for, with the nearest known one.
    pub fn close(self, problems: &mut Problems) {
        for (name, ..) in self.entries {
            if self.asked.contains(&name.as_str()) {
                continue;
            }
            let near = self
                .asked
                .iter()
                .map(|known| (strsim::damerau_levenshtein(name, known), known))
                .filter(|(distance, known)| *distance <= 1 + known.len() / 3)
                .min();
            let known: BTreeSet<_> = self.asked.iter().map(|key| format!("`{key}`")).collect();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            let help = match near {
                Some((_, near)) => format!("did you mean `{near}`? known here: {known}"),
                None => format!("known here: {known}"),
            };
            let at = self.at.join(name);
            problems.add(
                &at,
                "document::unknown_key",
                format!("unknown key `{name}`"),
                "not a key of this table",
                help,
            );
        }
    }
}

/// Adds the problem that a value is of the wrong kind.
pub(crate) fn wrong_kind(at: &Path, wanted: &str, found: &Kind, problems: &mut Problems) {
    let key = at.last().unwrap_or("the document");
    let message = format!("`{key}` wants {wanted}, not {}", found.name());
    problems.add(
        at,
        "document::wrong_kind",
        message,
        format!("this is {}", found.name()),
        format!("write {wanted} here"),
    );
}

impl Decode for String {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        match &value.kind {
            Kind::Text(text) => Some(text.clone()),
            other => {
                wrong_kind(at, "text in quotes", other, problems);
                None
            }
        }
    }
}

impl Decode for bool {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        match &value.kind {
            Kind::Bool(truth) => Some(*truth),
            other => {
                wrong_kind(at, "true or false", other, problems);
                None
            }
        }
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => { $(
        impl Decode for $number {
            fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
                let Kind::Integer(number) = value.kind else {
                    wrong_kind(at, "a whole number", &value.kind, problems);
                    return None;
                };
                let fits = Self::try_from(number).ok();
                if fits.is_none() {
                    let key = at.last().unwrap_or("the document");
                    let range = format!("{} to {}", Self::MIN, Self::MAX);
                    problems.add(at, "document::out_of_range", format!("`{key}` is out of range: {number}"),
                        "out of range", format!("write a whole number from {range}"));
                }
                fits
            }
        }
    )* };
}
whole_numbers!(u8, u16, u32, u64, i32, i64);

impl<T: Decode> Decode for Vec<T> {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let Kind::List(values) = &value.kind else {
            wrong_kind(at, "a list", &value.kind, problems);
            return None;
        };
        let items = values.iter().enumerate().filter_map(|(index, value)| T::decode(value, &at.join(index), problems));
        Some(items.collect())
    }
}

/// Named things: a key that does not parse as `K` is a problem, and so is each value; the rest is kept.
impl<K, T> Decode for BTreeMap<K, T>
where
    K: std::str::FromStr + Ord,
    K::Err: std::fmt::Display,
    T: Decode,
{
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let Kind::Table(entries) = &value.kind else {
            wrong_kind(at, "a table", &value.kind, problems);
            return None;
        };
        let mut map = Self::new();
        for (name, _, value) in entries {
            let at = at.join(name);
            let key = name.parse::<K>();
            if let Err(reason) = &key {
                problems.add(&at, "document::bad_name", format!("bad name `{name}`"), "this name", reason.to_string());
            }
            if let (Some(item), Ok(key)) = (T::decode(value, &at, problems), key) {
                map.insert(key, item);
            }
        }
        Some(map)
    }
}

/// Reads text that has a grammar: `parse`'s error is the problem, `help` an example of what is right.
///
/// Types with a `FromStr` call this from their [`Decode`].
pub fn parse_text<T: std::str::FromStr>(
    value: &Value,
    at: &Path,
    code: &'static str,
    help: &str,
    problems: &mut Problems,
) -> Option<T>
where
    T::Err: std::fmt::Display,
{
    let text = String::decode(value, at, problems)?;
    match text.parse() {
        Ok(parsed) => Some(parsed),
        Err(reason) => {
            problems.add(at, code, format!("{reason}"), "this value", help);
            None
        }
    }
}
