//! A user's own story for the lab: steps and assertions, read from a file and checked as a whole against the fleet, before
//! anything starts. Playing it is `homehive`'s business.

mod check;
mod course;
mod patience;
mod read;
pub mod schema;
mod step;
mod words;

pub use check::Ground;
pub use patience::{Patience, PatienceError};
pub use read::Draft;
pub use step::{
    Access, Apply, Boot, Errors, Expect, From, Full, Install, Intact, Link, Lose, On, OnDisk, Pause, Plan, PowerCut,
    Rot, Run, Scenario, Slow, Status, Step, Verb, Verify, What, Write,
};
