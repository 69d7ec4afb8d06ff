//! Virtual machines with a fleet's own disks, over real kernels, that can be hurt on purpose.
//!
//! One directory per lab holds everything of it: [`Lab::create`] makes it, [`Lab::start`] boots a machine from the
//! installation medium or from its disks, and [`Lab::down`] leaves nothing behind. [`LabDir`] is the reading side, which
//! any number of processes may use at once. What is tested on the machines is the caller's business.

mod event;
pub mod fault;
pub mod image;
pub mod kvm;
mod lab;
mod process;
pub mod qemu;
pub mod qmp;
pub mod scale;
pub mod shell;
pub mod snapshot;
mod tools;
mod wait;

pub use ::wire::{Link, Loss as FrameLoss, LossError, Toll};
pub use drive::{Access, Answer, Effect, Loss, Lost, Order, Rule};
pub use event::{Event, Observer};
pub use lab::{
    Blueprint, Keys, Lab, LabDir, LabError, MachineState, Medium, SERVE, SWITCH, State, StateError, serve_drives,
    serve_wire,
};
pub use process::Guest;
pub use tools::{MissingTools, Need, require};
pub use wait::WaitError;
