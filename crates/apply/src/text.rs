//! A plan for people.

use crate::plan::{Change, Kept, Plan, What};
use std::fmt::Write as _;

impl Plan {
    /// What would be done; what stays is only counted.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut wave = None;
        for change in self.objects.iter().filter(|change| change.what != What::Same) {
            if wave.replace(change.wave) != Some(change.wave) {
                let _ = writeln!(text, "wave {}", change.wave);
            }
            text.push_str(&change.text());
        }
        if !self.former.is_empty() {
            text.push_str("no longer in the fleet\n");
        }
        for pruning in &self.former {
            let object = &pruning.object;
            let _ = match pruning.kept {
                None => writeln!(text, "  - remove {object}"),
                Some(Kept::Data) => {
                    writeln!(text, "    keep   {object}: data goes with it; to remove it: --prune {object}")
                }
                Some(Kept::Foreign) => writeln!(text, "    keep   {object}: somebody else has made it anew since"),
            };
        }
        let count = |is: fn(&What) -> bool| self.objects.iter().filter(|change| is(&change.what)).count();
        let removed = self.former.iter().filter(|it| it.kept.is_none()).count();
        let kept = self.former.len() - removed;
        let parts = [
            (count(|it| matches!(it, What::Create { .. })), "to create"),
            (count(|it| matches!(it, What::Change { .. } | What::Unknown { .. })), "to change"),
            (count(|it| matches!(it, What::Conflict { .. })), "in conflict"),
            (count(|it| matches!(it, What::Refused { .. })), "refused by the server"),
            (removed, "to remove"),
            (kept, "kept"),
            (count(|it| *it == What::Same), "as the fleet says"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        let sum = parts.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "{}", if sum.is_empty() { "the fleet has no objects" } else { &sum });
        text
    }
}

impl Change {
    /// What would be done to it, in one line and one for each field.
    pub fn text(&self) -> String {
        let Self { object, file, .. } = self;
        let mut text = String::new();
        let _ = match &self.what {
            What::Same => writeln!(text, "    same   {object}"),
            What::Create { unknown: None } => writeln!(text, "  + create {object}"),
            What::Create { unknown: Some(why) } => writeln!(text, "  + create {object} (not asked yet: {why})"),
            What::Unknown { why } => writeln!(text, "  ~ apply  {object} (what would change is not known: {why})"),
            What::Change { fields, forced, freed } => {
                let own = fields.is_empty() && forced.is_empty() && freed.is_none();
                let note = if own { " (only which fields are homehive's)" } else { "" };
                let _ = writeln!(text, "  ~ change {object}{note}");
                for field in fields {
                    for line in field.text().lines() {
                        let _ = writeln!(text, "      {line}");
                    }
                }
                for conflict in forced {
                    let _ = writeln!(text, "      taken by force: {conflict}");
                }
                if let Some(claim) = freed {
                    let _ =
                        writeln!(text, "      its former claim {claim} is gone: freed for the one that is declared");
                }
                Ok(())
            }
            What::Conflict { conflicts } => {
                let _ = writeln!(text, "  ! {object} ({file}): others have set what the fleet says otherwise");
                for conflict in conflicts {
                    let _ = writeln!(text, "      {conflict}");
                }
                writeln!(text, "      to take these from them: --force-conflicts {object}")
            }
            What::Refused { why } => writeln!(text, "  ! {object} ({file}): the server refuses it: {why}"),
        };
        text
    }
}
