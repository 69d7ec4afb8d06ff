//! One machine you can run words on: this one, or another over SSH. Which machine and when is `homehive`'s business.

mod process;

pub use process::{Output, RunError, ask_local, run_local};
