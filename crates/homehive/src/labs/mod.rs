//! The lab of a fleet: which machines it has, where it lies, and the ways to work with it.

mod attend;
mod bench;
mod derive;
mod harm;
mod kexec;
mod saved;

pub use attend::attend;
pub use bench::{Bench, From, failed, image, open, open_fleet, place};
pub use derive::{Derived, derive};
pub use harm::{Harm, harm, harm_link, short};
pub use kexec::kexec_installer;
pub use saved::Saved;
