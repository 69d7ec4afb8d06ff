//! From a fleet to the plain NixOS flake that a person could have written for it: a small syntax tree of Nix, printed and
//! formatted.
//!
//! Pure: evaluating, building and writing files is left to `homehive`.

mod file;
mod records;
mod render;
mod scanned;
pub mod syntax;

pub use file::{File, FormatError};
pub use records::Records;
pub use render::{K3S_TOKEN, MAIL_PASSWORD, Origin, RenderError, Sealed, readme, release, render, sealed};
pub use scanned::scanned;
