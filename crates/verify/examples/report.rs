//! Prints a report of made-up durations over real probes, to look at: `cargo run -p verify --example report -- html`
//! (also `svg`, `json`, `junit`, `colour`, `plain`).

#[path = "../tests/sample/mod.rs"]
mod sample;

use verify::report::{Look, Report, html, junit, terminal};

fn main() {
    let report = Report::of(sample::run());
    let text = match std::env::args().nth(1).as_deref() {
        Some("svg") => verify::draw::svg(&report.run.pictures[0].diagram),
        Some("json") => report.json().unwrap_or_default(),
        Some("junit") => junit(&report).unwrap_or_default(),
        Some("plain") => terminal(&report, Look::Plain),
        Some("colour") => terminal(&report, Look::Colour),
        _ => html(&report),
    };
    println!("{text}");
}
