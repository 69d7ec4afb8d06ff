//! One machine you can run words on: this one, or another over SSH. Which machine and when is `homehive`'s business.

mod apply;
pub mod copy;
pub mod deploy;
