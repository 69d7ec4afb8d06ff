//! From any running Linux into an installer, by kexec: what speaks against it, what of its network is carried over, and
//! doing it. Which installer, and finding the machine again, is the caller's business.

mod network;
mod start;
mod survey;

pub use network::Link;
pub use start::{Installer, KexecError, start};
pub use survey::{Obstacle, Survey, survey};
