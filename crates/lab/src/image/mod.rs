//! The guest image: a small Debian system with the tools that an installation medium has, cached by its content.

mod build;
mod cache;
mod kernel;
mod modules;
mod recipe;
mod zfs;

pub use build::BuildError;
pub use cache::{Cache, CacheError, Image};
pub(crate) use recipe::SCRIPTS;
pub use recipe::{Recipe, Zfs};
pub use zfs::ZfsError;
