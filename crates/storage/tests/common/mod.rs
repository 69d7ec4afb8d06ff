//! What the tests share: trees read from text, and the NAS of the lab.
#![allow(dead_code, clippy::allow_attributes, clippy::unwrap_used, reason = "each test binary uses its own part")]

use document::{Decode, Format, Path, Problems, read};
use storage::tree::Storage;
use storage::{Wish, identity};

pub const NAS: &str = include_str!("nas.toml");

pub fn storage(text: &str) -> Storage {
    let mut problems = Problems::default();
    let value = read(text, Format::Toml, &mut problems);
    let storage = Storage::decode(&value, &Path::root(), &mut problems);
    let messages: Vec<_> = problems.iter().map(|problem| format!("{problem:?}")).collect();
    assert!(messages.is_empty(), "{messages:?}");
    storage.unwrap()
}

/// The disks of machine `nas` of fleet `home`.
pub fn wish(text: &str) -> Wish {
    Wish::new(&storage(text), identity::namespace("home", "nas"))
}
