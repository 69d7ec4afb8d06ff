//! Bars on a terminal: what is done stays as a line, what goes on is drawn below.

use super::lines::text;
use crate::answer;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use machine::{Event, Story};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// Bars for what goes on, lines for what is done.
pub fn bars() -> Story {
    let board = MultiProgress::new();
    let running: Mutex<BTreeMap<String, ProgressBar>> = Mutex::new(BTreeMap::new());
    Story::new(move |event| {
        let mut running = running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &event {
            Event::Stage { subject, .. } => {
                for (_, bar) in running.extract_if(.., |key, _| key.starts_with(&format!("{subject}/"))) {
                    bar.finish_and_clear();
                }
                let bar = running.entry(subject.clone()).or_insert_with(|| spinner(&board));
                bar.set_message(text(&event));
            }
            Event::StepStarted { machine, step, .. } => {
                let bar = running.entry(format!("{machine}/{step}")).or_insert_with(|| spinner(&board));
                bar.set_message(text(&event));
            }
            Event::StepDone { machine, step, .. } => {
                if let Some(bar) = running.remove(&format!("{machine}/{step}")) {
                    bar.finish_and_clear();
                }
                let _ = board.println(format!("  {}", text(&event)));
            }
            Event::Progress { subject, text: what, done, total, .. } => {
                let bar = running.entry(format!("{subject}/{what}")).or_insert_with(|| gauge(&board, *total));
                bar.set_position(*done);
                bar.set_message(text(&event));
                if *total == Some(*done) {
                    bar.finish_and_clear();
                    running.remove(&format!("{subject}/{what}"));
                }
            }
            Event::Question { text } => {
                for (_, bar) in std::mem::take(&mut *running) {
                    bar.finish_and_clear();
                }
                board.suspend(|| answer::question(text));
            }
            Event::Note { .. } | Event::Command { .. } | Event::Printed { .. } => {
                let _ = board.println(format!("  {}", text(&event)));
            }
        }
    })
}

fn spinner(board: &MultiProgress) -> ProgressBar {
    let bar = board.add(ProgressBar::new_spinner());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn gauge(board: &MultiProgress, total: Option<u64>) -> ProgressBar {
    let Some(total) = total else { return spinner(board) };
    let bar = board.add(ProgressBar::new(total));
    if let Ok(style) = ProgressStyle::with_template("  [{bar:30}] {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
