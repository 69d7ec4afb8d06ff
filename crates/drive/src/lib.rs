//! Virtual drives that do to writes what real ones do when the power goes: what was not flushed is forgotten, or half of it,
//! or the last of it is torn. They fail, slow down, rot and fill up on request, and are served over NBD.
//!
//! [`Cache`] and [`Rules`] decide and touch nothing; [`Medium`] is the file behind a drive; [`serve`] answers on sockets.
//! What is a machine, and when its power goes, is the caller's business.

mod cache;
mod control;
mod drive;
mod medium;
mod nbd;
mod rules;
mod serve;

pub use cache::{Cache, Loss, Lost, Write};
pub use control::{Answer, ControlError, Order, ask};
pub use drive::{Counts, Drive, DriveError};
pub use medium::Medium;
pub use rules::{Access, Effect, Rule, Rules, Verdict};
pub use serve::{Place, ServeError, serve};
