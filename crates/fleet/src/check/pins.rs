//! Pins: each moves something that there is.

use super::path;
use crate::declared::Draft;
use crate::pins::NAMES;
use document::Problems;

pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    for name in draft.pins.keys().filter(|name| !NAMES.contains(&name.as_str())) {
        let nearest =
            NAMES.into_iter().min_by_key(|known| strsim::damerau_levenshtein(known, name)).unwrap_or_default();
        let message = format!("`{name}` is no chart or image that homehive installs");
        let help = format!("the nearest is `{nearest}`; all: {}", NAMES.join(", "));
        problems.add(&path(["pins", name]), "fleet::unknown_pin", message, "no such pin", help);
    }
}
