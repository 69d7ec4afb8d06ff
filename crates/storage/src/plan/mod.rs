//! The plan: what is to be done so that the disks hold what is wished. A value, made from values; `machine` applies it.
//!
//! One file per kind answers for that kind: when something is to be done, in which words, and what it risks.

mod array;
mod basis;
mod begun;
mod btrfs;
mod enrol;
mod filesystem;
mod group;
mod guard;
mod luks;
mod mount;
mod nodev;
mod outcome;
pub(crate) mod overwrite;
mod paths;
mod planner;
mod pool;
mod sight;
mod step;
mod swap;
mod table;
mod text;
mod volume;
mod wipe;
mod writeout;

pub use array::ArrayAction;
pub(crate) use array::standing;
pub use basis::Basis;
pub use begun::Begun;
pub use btrfs::BtrfsAction;
pub(crate) use enrol::at_home;
pub use enrol::{Means, Stale};
pub(crate) use filesystem::BEGUN;
pub use filesystem::FilesystemAction;
pub use group::{GroupAction, NewPv, NewVolume};
pub use guard::Guard;
pub use luks::LuksAction;
pub(crate) use luks::in_closed;
pub use mount::MountAction;
pub(crate) use mount::place;
pub use nodev::NodevAction;
pub use outcome::{Consent, Kept, Note, Plan, Refusal};
pub use overwrite::Overwritten;
pub use planner::plan;
pub(crate) use planner::shown;
pub use pool::PoolAction;
pub(crate) use pool::{is_labelled, ours};
pub(crate) use sight::mapped;
pub use sight::{Sight, Unseen};
pub use step::{Action, Risk, Step, StepId};
pub(crate) use table::is_named;
pub use table::{NewMbrEntry, NewPartition, TableAction};
pub use volume::VolumeAction;
pub use wipe::Wipe;
pub use writeout::Gauge;

/// homehive's own shell scripts that stand in commands, by name.
pub(crate) fn scripts() -> [(&'static str, &'static str); 11] {
    [
        ("activate", group::ACTIVATE),
        ("addkey", enrol::ADD_KEY),
        ("dropkey", enrol::DROP_KEY),
        ("fed", enrol::FED),
        ("force", array::FORCE),
        ("group", group::CREATE),
        ("host_id", pool::HOST_ID),
        ("identify", group::IDENTIFY),
        ("pv", group::CREATE_PV),
        ("subvolumes", btrfs::SUBVOLUMES),
        ("wipe", wipe::WIPE),
    ]
}
