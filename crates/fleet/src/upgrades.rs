//! `[upgrades]`: machines that bring themselves up to date; there if the table is.

use crate::{FlakeRef, Schedule, Span, Window};
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;

/// Machines that bring themselves up to date; there if the table is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Upgrades {
    /// When: `Sun 03:00`, or `03:00` for every day.
    pub schedule: Schedule,
    /// A machine starts up to this much later, so that not all start at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// When a machine may reboot into a new kernel; never by itself if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reboot_window: Option<Window>,
    /// The flake to follow; the fleet's own on the machine if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flake: Option<FlakeRef>,
}

impl Decode for Upgrades {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let schedule = table.required("schedule", "say when: `schedule = \"Sun 03:00\"`", problems);
        let jitter: Option<Span> = table.optional("jitter", problems);
        let reboot_window: Option<Window> = table.optional("reboot_window", problems);
        let flake = table.optional("flake", problems);
        table.close(problems);
        let schedule: Schedule = schedule?;
        if let Some(span) = jitter.filter(|span| span.minutes() >= 24 * 60) {
            let help = "write less than a day: \"30min\"";
            problems.add(&at.join("jitter"), "fleet::jitter_too_long", format!("a jitter of {span}"), "too long", help);
        } else if let Some(window) = reboot_window {
            let spread = jitter.map_or(0, |span| u16::try_from(span.minutes()).unwrap_or(0));
            if !window.contains(schedule.minute()) || !window.contains(schedule.minute() + spread) {
                problems.add(
                    &at.join("reboot_window"),
                    "fleet::upgrade_outside_window",
                    format!(
                        "an upgrade of {schedule} may end outside the reboot window {window}, and then never reboots"
                    ),
                    "too narrow",
                    "widen the window, so that it holds the schedule and its jitter",
                );
            }
        }
        Some(Self { schedule, jitter, reboot_window, flake })
    }
}
