//! How a newtype of text is read from a document, written by serde, and told to a JSON Schema.

/// Gives a type with `FromStr` and `Display` its `Decode`, `Serialize` and `JsonSchema`: code of the problem when it
/// does not parse, pattern for the schema, and the help line.
macro_rules! as_text {
    ($name:ident, $code:literal, $pattern:literal, $help:literal) => {
        impl document::Decode for $name {
            fn decode(
                value: &document::Value,
                at: &document::Path,
                problems: &mut document::Problems,
            ) -> Option<Self> {
                $crate::text::read(value, at, $code, $help, problems)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

pub(crate) use as_text;

use document::{Decode, Path, Problems, Value};
use std::fmt::Display;
use std::str::FromStr;

/// Reads text that has a grammar; the problem names the value and the reason.
pub(crate) fn read<T: FromStr>(
    value: &Value,
    at: &Path,
    code: &'static str,
    help: &str,
    problems: &mut Problems,
) -> Option<T>
where
    T::Err: Display,
{
    let text = String::decode(value, at, problems)?;
    match text.parse() {
        Ok(parsed) => Some(parsed),
        Err(reason) => {
            // What is long (a key) or would break the line is not repeated in the message: the mark shows it.
            let plain = text.chars().count() <= 60 && !text.chars().any(char::is_control) && !text.is_empty();
            let message = if plain { format!("`{text}`: {reason}") } else { format!("{reason}") };
            problems.add(at, code, message, "this value", help);
            None
        }
    }
}

/// Reads one of a few words.
pub(crate) fn choose<T: Copy>(
    value: &Value,
    at: &Path,
    code: &'static str,
    words: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let text = String::decode(value, at, problems)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice);
    if found.is_none() {
        let known: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let what = at.last().unwrap_or_default();
        let message = format!("`{text}` is no {what} that homehive knows");
        problems.add(at, code, message, "this word", format!("write one of {}", known.join(", ")));
    }
    found
}
