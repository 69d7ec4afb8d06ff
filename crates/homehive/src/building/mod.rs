//! Building systems: what the machines of an order shall run, evaluated once and built together. What a system is made
//! from is the fleet's business; copying and activating it are `machine`'s.

mod nix;
mod nixos;
mod places;
mod stand_in;

pub use nixos::{derivations, percent};

use crate::args::Payload;
use crate::failure::Failure;
use crate::load::Loaded;
use fleet::HostName;
use machine::Story;
use payload::Closure;
use std::collections::BTreeMap;
use std::path::Path;
use storage::facts::Facts;

/// Which systems are to be built.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Where events go.
    pub story: &'a Story,
    /// The fleet.
    pub loaded: &'a Loaded,
    /// The machines.
    pub machines: &'a [HostName],
    /// What they shall run.
    pub payload: Payload,
    /// What a probe saw of the machines. A stand-in needs to know what its boot disk is called today, unless the fleet
    /// names it by its link.
    pub facts: &'a BTreeMap<HostName, Facts>,
    /// The package tree for stand-ins; that of the lab's image if none is said.
    pub packages: Option<&'a Path>,
    /// The command that goes on once a failure's reason is mended.
    pub again: &'a str,
}

/// Builds the systems of all machines of `order`, or finds that nothing has changed.
///
/// # Errors
/// The first system that cannot be built; none has been touched by then but this machine's store.
pub async fn build(order: &Order<'_>) -> Result<BTreeMap<HostName, Closure>, Failure> {
    if order.payload == Payload::Nixos && order.loaded.variant != payload::Variant::Plain {
        return Err(Failure::usage(
            "only a stand-in goes wrong on purpose",
            "write --payload stand-in with --stand-in-variant",
        ));
    }
    match order.payload {
        Payload::StandIn => stand_in::build(order).await,
        Payload::Nixos => nixos::build(order).await,
    }
}

impl Order<'_> {
    /// Tells that a closure is there.
    fn built(&self, name: &HostName, closure: &Closure) {
        let size = storage::Size(closure.size);
        let text = format!("closure of {} paths, {size}: {}", closure.paths.len(), closure.path);
        self.story.note(name.to_string(), text);
    }
}
