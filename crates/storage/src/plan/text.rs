//! A plan as text for people.

use super::{Action, Plan, Risk};
use crate::NodeId;
use std::collections::BTreeMap;
use std::fmt::Write as _;

impl Plan {
    /// The plan, one line a step; what is refused last, with the words that would allow it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            let (mark, cost) = match &step.risk {
                Risk::None => (' ', String::new()),
                Risk::Creates => ('+', String::new()),
                Risk::Grows => ('>', String::new()),
                Risk::MayLose { what, .. } => ('!', format!("  MAY LOSE {what}")),
                Risk::Destroys { .. } if matches!(step.what, Action::Wipe(_)) => {
                    ('!', "  DESTROYS all of that".to_owned())
                }
                Risk::Destroys { what, .. } => ('!', format!("  DESTROYS {what}")),
            };
            let _ = writeln!(text, "{mark} {}{cost}", step.describe());
        }
        let mut kept: BTreeMap<&NodeId, Vec<&str>> = BTreeMap::new();
        for it in &self.kept {
            kept.entry(&it.node).or_default().push(&it.what);
        }
        for (node, what) in kept {
            let _ = writeln!(text, "= keep {node}: {}", what.join(", "));
        }
        for note in &self.notes {
            let _ = writeln!(text, "note: {}: {}", note.node, note.text);
        }
        for refusal in &self.refusals {
            let _ = writeln!(text, "refused: {}: {}\n         {}", refusal.node, refusal.reason, refusal.remedy);
        }
        if !self.hidden.is_empty() {
            let hidden: Vec<&str> = self.hidden.iter().map(NodeId::as_str).collect();
            let _ = writeln!(text, "seen only after these steps: {}", hidden.join(", "));
        }
        if self.is_empty() {
            text.push_str("nothing to do\n");
        }
        text
    }
}
