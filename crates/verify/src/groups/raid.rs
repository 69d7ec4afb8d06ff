//! Are the arrays whole?

use super::{Subject, disk_check, nodes, unless_empty};
use crate::Group;
use crate::rules::Claim;
use storage::wish::Kind;

pub(super) fn group(subject: &Subject) -> Option<Group> {
    let arrays = nodes(subject, |kind| match kind {
        Kind::Array(array) => Some(array),
        _ => None,
    });
    let title = match &arrays[..] {
        [(_, array)] => format!("{} array {} is whole", array.level, array.name),
        _ => "Arrays are whole".to_owned(),
    };
    let checks = arrays.iter().flat_map(|(id, array)| {
        let name = &array.name;
        [
            disk_check(subject, id, Claim::Array, format!("{name} runs as {}, with its identity", array.level)),
            disk_check(subject, id, Claim::Members, format!("every member of {name} is in step")),
            disk_check(subject, id, Claim::Settled, format!("nothing of {name} is being rebuilt")),
        ]
    });
    unless_empty("raid", title, checks.collect())
}
