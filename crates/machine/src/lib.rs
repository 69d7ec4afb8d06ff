//! One machine you can run words on: this one, or another over SSH. Which machine and when is `homehive`'s business.

mod apply;
pub mod clock;
pub mod copy;
pub mod cpio;
pub mod deploy;
pub mod difference;
mod door;
mod follow;
mod holders;
pub mod install;
mod journal;
pub mod kexec;
mod lock;
mod look;
mod process;
pub mod profile;
mod saved;
mod ssh;
mod story;

pub use apply::{Applied, ApplyError, Effect, Given, Records, StepTime, apply};
pub use door::{Machine, ProgramError};
pub use journal::{Entry, Journal, JournalError, State};
pub use lock::{Lock, LockError};
pub use look::LookError;
pub use process::{Output, RunError, ask_local, run_local};
pub use saved::{Held, SaveError, Shelf};
pub use ssh::{Address, Refusal, Trust};
pub use story::{Event, Story};
