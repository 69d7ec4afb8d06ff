//! disko's swap space.

use super::attrs::Attrs;
use super::content::options;
use super::finding::Report;
use crate::tree::{Content, Discard, Swap};
use uuid::Uuid;

pub(super) fn swap(attrs: &mut Attrs<'_>, report: &mut Report) -> Content {
    let mut swap = Swap {
        uuid: None,
        priority: attrs.whole("priority", report).and_then(|priority| i32::try_from(priority).ok()),
        discard: None,
        random_encryption: attrs.flag("randomEncryption", report),
        resume: attrs.flag("resumeDevice", report),
        options: options(attrs, report),
    };
    if let Some(word) = attrs.text("discardPolicy", report) {
        swap.discard = Discard::ALL.into_iter().find(|discard| discard.word() == word);
        if swap.discard.is_none() {
            let message = format!("discard policy `{}` is not known to homehive", word.escape_debug());
            report.left_out(&attrs.place.join("discardPolicy"), message, "write \"once\", \"pages\" or \"both\"");
        }
    }
    mkswap(attrs, &mut swap, report);
    Content::Swap(swap)
}

/// Arguments of mkswap(8) that have a word of their own.
fn mkswap(attrs: &mut Attrs<'_>, swap: &mut Swap, report: &mut Report) {
    let args = attrs.texts("extraArgs", report);
    let words: Vec<&str> =
        args.iter().flat_map(|arg| arg.split(|c: char| c.is_ascii_whitespace() || c == '=')).collect();
    let mut left: Vec<&str> = Vec::new();
    let mut rest = words.as_slice();
    while let [word, after @ ..] = rest {
        let id = after.first().and_then(|id| Uuid::try_parse(id).ok());
        match (*word, id) {
            ("-U" | "--uuid", Some(id)) => {
                swap.uuid = Some(id);
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
            // To overwrite what is there is asked of nobody: the plan says it, and wants it named.
            ("-f" | "--force" | "", _) => {}
            _ => left.push(word),
        }
        rest = after;
    }
    if !left.is_empty() {
        let message = format!("arguments of mkswap have no counterpart: `{}`", left.join(" ").escape_debug());
        report.left_out(
            &attrs.place.join("extraArgs"),
            message,
            "mkswap is run in one way; make it by hand to have another",
        );
    }
}
