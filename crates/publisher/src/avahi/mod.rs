//! The desk at which records are handed in: Avahi's D-Bus interface (org.freedesktop.Avahi), as avahi-daemon 0.8 speaks it.
//!
//! Each share has an entry group of its own. Groups belong to the bus connection: when that ends, by a kill as well as by an
//! exit, avahi-daemon withdraws their records by itself.

mod bus;
mod desk;
mod error;
mod posted;

pub use bus::News;
pub use desk::Desk;
pub use error::DeskError;
pub use posted::{Posted, State};
