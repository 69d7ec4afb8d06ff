//! Swap space: options that go together, and one place to resume from.

use super::filesystem::options;
use super::holder::{Holder, Kind, Tree};
use crate::tree::{Content, Swap};
use document::Problems;

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    let mut resumes: Option<&Holder<'_>> = None;
    for holder in &tree.holders {
        let Some(Content::Swap(swap)) = holder.content else { continue };
        own(holder, swap, problems);
        if swap.resume {
            if let Some(other) = resumes {
                problems.add(
                    &holder.content_at().join("resume"),
                    "storage::two_resumes",
                    format!("the machine cannot resume from both `{}` and `{}`", other.id, holder.id),
                    format!("so does `{}`", other.id),
                    "leave `resume` to the one that is as large as the memory",
                );
            }
            resumes = Some(holder);
        }
    }
}

fn own(holder: &Holder<'_>, swap: &Swap, problems: &mut Problems) {
    let (id, at) = (&holder.id, holder.content_at());
    if holder.persistent == Some(true) {
        problems.add(
            &holder.at.join("persistent"),
            "storage::persistent_swap",
            format!("swap space `{id}` has nothing that a reinstall could keep"),
            "of no use",
            "remove `persistent`",
        );
    }
    if swap.priority.is_some_and(|priority| !(0..=32767).contains(&priority)) {
        problems.add(
            &at.join("priority"),
            "storage::swap_priority",
            format!("swap space `{id}` cannot have such a priority"),
            "out of range",
            "write 0 to 32767, or leave it out: the kernel then chooses",
        );
    }
    if swap.random_encryption {
        let whole = match holder.kind {
            Kind::Disk | Kind::Array | Kind::Crypt(_) => true,
            Kind::Partition(_) | Kind::Volume(_) | Kind::Zvol => false,
        };
        for (wrong, key, why, help) in [
            (
                whole,
                "random_encryption",
                "is a whole device: nothing on it would tell it from somebody's data",
                "put it on a partition or a volume",
            ),
            (
                swap.resume,
                "resume",
                "is encrypted with a key that is gone when the machine starts again",
                "leave out `resume` or `random_encryption`",
            ),
            (
                swap.uuid.is_some(),
                "uuid",
                "is found by its partition: with a random key nothing bears a UUID",
                "remove `uuid`",
            ),
        ] {
            if wrong {
                let message = format!("swap space `{id}` {why}");
                problems.add(&at.join(key), "storage::random_swap", message, "with a random key", help);
            }
        }
    }
    options(id, &at, &swap.options, problems);
}
