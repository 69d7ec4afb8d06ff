//! Publishes shares on the LAN: Services with balancer addresses become records on the Avahi bus. What the shares are is the
//! fleet's business; this only watches, and says.
//!
//! What is to be published is decided by pure functions ([`wanted`], [`changes`]); the cluster's API ([`Cluster`]) and Avahi's
//! bus ([`Desk`]) are thin edges, and [`publish`] is the loop between them. Nothing is polled: both edges tell when something
//! changes.

mod announcement;
mod avahi;
mod change;
mod cluster;
mod knowledge;
mod notify;
mod options;
mod pattern;
mod publish;
mod service;
mod share;
mod wanted;

pub use announcement::{Announcement, Record};
pub use avahi::{Desk, DeskError, News, Posted, State};
pub use change::{Change, changes};
pub use cluster::{Cluster, ClusterError, Sighting};
pub use knowledge::{Knowledge, Seen};
pub use options::Options;
pub use pattern::{NamePattern, PatternError};
pub use publish::{PublishError, publish, run};
pub use service::Balancer;
pub use share::{Kind, Share, SmbShare};
pub use wanted::{Key, Refusal, Wanted, wanted};
