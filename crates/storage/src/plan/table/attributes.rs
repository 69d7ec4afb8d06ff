//! The attribute bits of a partition in a GPT: read by firmware and boot loaders, never by what lies on it.

use super::TableAction;
use crate::NodeId;
use crate::facts::Partition as Found;
use crate::plan::planner::{Planner, Work};
use crate::plan::step::{Action, Risk, StepId, settle};
use crate::tree::ATTRIBUTES;
use crate::wish::{Node, Partition};
use cmd::Cmd;

/// As sfdisk(8) reads and prints them: those with a name by that, those of the type by their numbers.
pub(super) fn words(bits: &[u8]) -> String {
    let named = ATTRIBUTES.iter().filter(|(bit, _)| bits.contains(bit)).map(|(_, name)| (*name).to_owned());
    let others = bits.iter().filter(|bit| ATTRIBUTES.iter().all(|(known, _)| known != *bit));
    let others: Vec<String> = others.map(ToString::to_string).collect();
    let others = (!others.is_empty()).then(|| format!("GUID:{}", others.join(",")));
    named.chain(others).collect::<Vec<_>>().join(",")
}

/// The table alone is written; what lies on the disk may be in use.
pub(super) fn commands(disk: &NodeId, number: u32, bits: &[u8]) -> Vec<Cmd> {
    let sfdisk = Cmd::new("sfdisk").args(["--quiet", "--no-reread", "--no-tell-kernel", "--part-attrs"]);
    // Once the disk is closed, udev may have the kernel read the table anew.
    vec![sfdisk.device(disk).arg(number.to_string()).arg(words(bits)), settle()]
}

/// What becomes of the bits of a partition that is there. Answers with the step, if there is one.
pub(super) fn plan(
    planner: &mut Planner,
    (disk, id): (&Node, &NodeId),
    partition: &Partition,
    found: &Found,
    after: Vec<StepId>,
) -> Option<StepId> {
    let bits = partition.attributes.as_ref().filter(|bits| **bits != found.attributes)?;
    let what = TableAction::Attributes { disk: disk.id.clone(), number: found.number, bits: bits.clone() };
    let work = Work { after, touches: vec![disk.id.clone()], blank: Vec::new() };
    Some(planner.add(id, "attributes", Action::Table(what), Risk::Creates, work))
}
