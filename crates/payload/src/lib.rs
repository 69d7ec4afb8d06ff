//! What gets installed: a *system closure*, and how Nix builds the lab's own, the stand-in. Copying it to a machine and
//! activating it there is `machine`'s business; what the system should be is the fleet's; NixOS is built by `homehive`.
//!
//! A system closure is what NixOS calls a toplevel: a store path with `init`, `kernel`, `initrd`, `kernel-params`,
//! `activate`, `etc` and `bin/switch-to-configuration`. Whatever honours that is installed in the same way.

mod accounts;
mod build;
mod closure;
mod render;
mod sshd;
mod system;
mod table;
mod units;

pub use build::{BuildError, Event, Workshop, build};
pub use closure::{Closure, NotAStorePath, StorePath};
pub use render::{File, files};
pub use system::{Array, Mount, Nodev, Swap, System, Unfit, Variant};
