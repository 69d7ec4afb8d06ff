//! Brings a cluster to the objects that the fleet says: what differs, in which order, waiting until each wave is ready,
//! and pruning of what homehive made and the fleet no longer says. What the objects are is `cluster`'s business.
//!
//! Deciding is pure ([`plan()`] and what it is made of); [`Cluster`] asks and sends, [`bring()`] does what was decided.

mod bring;
mod client;
mod difference;
mod inventory;
mod kinds;
mod kubeconfig;
mod name;
mod observe;
mod owners;
mod plan;
mod pods;
mod prune;
mod ready;
mod refusal;
mod stop;
mod text;
mod unknown;
mod volume;
mod wait;

pub use bring::{Brought, Deadlines, Order, bring};
pub use client::{AskError, Cluster, ConnectError, How};
pub use difference::{Field, difference};
pub use inventory::Inventory;
pub use kubeconfig::{KubeconfigError, Reached, rewrite};
pub use name::{Consent, Name, NameError};
pub use plan::{Change, Kept, Observed, Plan, Pruning, Told, What, Would, in_order, plan};
pub use ready::{Readiness, readiness};
pub use refusal::{Conflict, Refusal};
pub use stop::Stop;
pub use unknown::Unknown;
pub use volume::FormerClaim;

/// The field manager of what homehive applies.
pub const MANAGER: &str = "homehive";
/// The label of what homehive makes.
const LABEL: &str = "app.kubernetes.io/managed-by";
/// The annotation by which k3s knows what it has made from a file.
const ADDON: &str = "objectset.rio.cattle.io/owner-gvk";
