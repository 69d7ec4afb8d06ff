//! A lab: machines that live in one directory, usable from separate processes of the binary.

mod create;
mod dir;
mod drives;
mod error;
mod medium;
mod memory;
mod power;
mod state;
mod wire;

pub use self::wire::{SWITCH, serve_wire};
pub use create::Blueprint;
pub(crate) use create::blank;
pub use dir::{Lab, LabDir};
pub use drives::{SERVE, serve_drives};
pub use error::LabError;
pub use medium::{Keys, Medium};
pub(crate) use power::ANSWER;
pub use state::{MachineState, State, StateError};
