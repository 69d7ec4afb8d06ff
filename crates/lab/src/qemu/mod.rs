//! A machine as QEMU sees it: a pure function from what it is to the words that start it.

mod spec;
mod words;

pub(crate) use spec::check_name;
pub use spec::{Boot, DiskKind, DiskSpec, Files, Health, Machine, Segment, SpecError, Start};
pub use words::{COMMAND_LINE, command};
pub(crate) use words::{DYING, disk_node, fault_node, file_node, pull_id};
