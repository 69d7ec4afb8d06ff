//! The answer on standard output: JSON in one envelope whose schema has a version, or text; and what is said beside it.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write as _};

/// Version of every answer's schema; raised when a field goes or changes its meaning, not when one is added.
pub const VERSION: u32 = 1;

/// What every `--json` answer is wrapped in.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Envelope<T> {
    /// Version of the answer's schema.
    pub version: u32,
    /// The verb that answers, such as `disks-plan`.
    pub verb: String,
    /// The answer.
    pub answer: T,
}

/// Prints an answer as JSON.
pub fn json<T: Serialize>(verb: &str, answer: &T) {
    let whole = Envelope { version: VERSION, verb: verb.to_owned(), answer };
    if let Ok(text) = serde_json::to_string_pretty(&whole) {
        self::text(&text);
    }
}

/// Prints an answer as text. A reader that has seen enough (`| head`) is no error.
pub fn text(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end());
}

/// Tells what is no answer, on standard error. Work that has begun goes on where nobody reads any more: a log that was
/// closed, a terminal that is gone.
pub fn aside(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Asks on standard error; the answer is typed behind it.
pub fn question(text: &str) {
    let mut out = io::stderr().lock();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// The schema of a verb's answer.
pub fn schema<T: JsonSchema>(verb: &str) -> Schema {
    let settings = SchemaSettings::default().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Envelope<T>>();
    schema.insert("title".into(), format!("homehive {}", verb.replace('-', " ")).into());
    schema
}
