//! What disks should hold (the device tree), what they hold (facts), and the plan from the one to the other.
//!
//! Pure: nothing here runs a command or reads a file. `machine` probes and applies, `fleet` says whose tree it is.

pub mod adopt;
mod check;
pub mod disko;
pub mod facts;
pub mod health;
pub mod identity;
pub mod plan;
pub mod probe;
pub mod save;
mod script;
pub mod tree;
mod units;
pub mod wish;

pub use check::check;
pub use health::health;
pub use plan::{Consent, Plan, plan};
pub use script::{ScriptError, script};
pub use units::{Extent, Name, NameError, NodeId, Size, SizeError};
pub use wish::Wish;
