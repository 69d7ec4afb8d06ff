//! What disks should hold (the device tree), what they hold (facts), and the plan from the one to the other.
//!
//! Pure: nothing here runs a command or reads a file. `machine` probes and applies, `fleet` says whose tree it is.

pub mod facts;
pub mod identity;
pub mod probe;
pub mod tree;
mod units;
pub mod wish;

pub use units::{Extent, Name, NameError, NodeId, Size, SizeError};
pub use wish::Wish;
