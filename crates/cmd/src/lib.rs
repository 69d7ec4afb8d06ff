//! Commands as words: building, quoting and joining them into one shell program. Running them is `machine`'s business.

mod program;
mod quote;
mod secret;
mod words;

pub use program::{Fault, Line, Program};
pub use quote::quote;
pub use secret::Secret;
pub use words::{Cmd, Word};
