//! The guest image: a small Debian system with the tools that an installation medium has, cached by its content.

mod build;
mod cache;
mod kernel;
mod modules;
mod recipe;

pub use build::BuildError;
pub use cache::{Cache, CacheError, Image};
pub use recipe::Recipe;
pub(crate) use recipe::SCRIPTS;
