//! One machine you can run words on: this one, or another over SSH. Which machine and when is `homehive`'s business.

mod door;
mod journal;
mod process;
mod ssh;
mod story;

pub use door::{Machine, ProgramError};
pub use journal::{Entry, Journal, JournalError, State};
pub use process::{Output, RunError, ask_local, run_local};
pub use ssh::{Address, Refusal, Trust};
pub use story::{Event, Story};
