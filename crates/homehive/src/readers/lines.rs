//! One line an event: for logs, pipes and people who asked for it.

use crate::answer;
use machine::{Event, Story};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Between two lines on the same long work.
const OFTEN: Duration = Duration::from_secs(5);

/// Plain lines, each with the seconds since the start.
pub fn plain() -> Story {
    let start = Instant::now();
    let last: Mutex<BTreeMap<(String, String), Instant>> = Mutex::new(BTreeMap::new());
    Story::new(move |event| {
        if let Event::Progress { subject, text, done, total, .. } = &event {
            let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let key = (subject.clone(), text.clone());
            let finished = *total == Some(*done);
            let recent = last.get(&key).is_some_and(|then| then.elapsed() < OFTEN);
            if recent && !finished {
                return;
            }
            last.insert(key, Instant::now());
        }
        if let Event::Question { text } = &event {
            answer::question(text);
            return;
        }
        answer::aside(format_args!("{:7.1}s  {}", start.elapsed().as_secs_f64(), text(&event)));
    })
}

/// JSON lines.
pub fn json() -> Story {
    Story::new(|event| {
        if let Ok(line) = serde_json::to_string(&event) {
            answer::aside(line);
        }
    })
}

/// An event in words.
pub(super) fn text(event: &Event) -> String {
    match event {
        Event::Stage { subject, text } | Event::Note { subject, text } => format!("{subject}: {text}"),
        Event::Question { text } => text.clone(),
        Event::Command { machine, words } => format!("{machine}: $ {words}"),
        Event::Printed { machine, status, end } if end.is_empty() => format!("{machine}: exit status {status}"),
        Event::Printed { machine, status, end } => format!("{machine}: exit status {status}\n{end}"),
        Event::StepStarted { machine, step, of, text } => format!("{machine}: step {step}/{of}: {text} …"),
        Event::StepDone { machine, step, of, text, seconds } => {
            format!("{machine}: step {step}/{of}: {text}: done in {seconds:.1} s")
        }
        Event::Progress { subject, text, done, total, unit, left } => {
            let left = left.map(|seconds| format!(", about {} left", storage::health::lasting(seconds)));
            format!("{subject}: {text}: {}{}", amount(*done, *total, unit), left.unwrap_or_default())
        }
    }
}

/// How much of how much.
fn amount(done: u64, total: Option<u64>, unit: &str) -> String {
    match (unit, total) {
        ("permille", _) => format!("{}.{}%", done / 10, done % 10),
        ("bytes", None) => storage::Size(done).to_string(),
        ("bytes", Some(total)) => format!("{} of {}", storage::Size(done), storage::Size(total)),
        (_, None) => format!("{done} {unit}"),
        (_, Some(total)) => format!("{done} of {total} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{amount, text};
    use machine::Event;

    #[test]
    fn amounts() {
        for (done, total, unit, text) in [
            (123, Some(1000), "permille", "12.3%"),
            (1 << 20, Some(2 << 20), "bytes", "1MiB of 2MiB"),
            (3, None, "packages", "3 packages"),
            (3, Some(4), "packages", "3 of 4 packages"),
        ] {
            assert_eq!(amount(done, total, unit), text);
        }
    }

    #[test]
    fn an_estimate_stands_behind_the_amount() {
        let (subject, what, unit) = ("nas".to_owned(), "writes cache fast out".to_owned(), "permille".to_owned());
        let far = |left| Event::Progress {
            subject: subject.clone(),
            text: what.clone(),
            done: 250,
            total: Some(1000),
            unit: unit.clone(),
            left,
        };
        assert_eq!(text(&far(None)), "nas: writes cache fast out: 25.0%");
        assert_eq!(text(&far(Some(4000))), "nas: writes cache fast out: 25.0%, about 67 min left");
    }
}
