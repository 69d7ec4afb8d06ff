//! A switch between virtual machines. Between any two of them frames are lost, late, or not passed on at all, as it is told.
//!
//! [`Switch`] decides and touches nothing; [`serve`] passes frames between sockets. What a machine is, and when its link is
//! to suffer, is the caller's business.

mod control;
mod link;
mod serve;
mod switch;

pub use control::{Answer, ControlError, Order, Toll, ask};
pub use link::{Link, Loss, LossError};
pub use serve::{Place, ServeError, serve};
pub use switch::{Passed, Switch};
