//! TOML or JSON text as a tree in which every value knows its place, and the decoding of that tree into types so that
//! all problems are found in one go. What the values mean is `fleet`'s and `storage`'s business.

mod decode;
mod edit;
mod path;
mod problem;
mod read;
mod value;

pub use decode::{Decode, Table, parse_text};
pub use edit::{EditError, edit};
pub use path::Path;
pub use problem::{Finding, Problem, Problems, Report};
pub use read::{Format, read};
pub use value::{Kind, Value};
