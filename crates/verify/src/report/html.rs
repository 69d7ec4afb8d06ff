//! A report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.

use super::parts::{applied, not_run, picture, timeline, verification};
use super::{Report, Run};
use crate::text::{clean, seconds};
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

const STYLE: &str = include_str!("html.css");

/// The report as an HTML page.
pub fn html(report: &Report) -> String {
    let run = &report.run;
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (clean(&run.title)) " – " (clean(&run.machine)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (head(report))
                    @if !run.stages.is_empty() { (timeline(&run.stages)) }
                    @for one in &run.pictures { (picture(one)) }
                    @for one in &run.verifications { (verification(one)) }
                    @for plan in &run.plans { (applied(plan)) }
                    @if !report.not_run.is_empty() { (not_run(&report.not_run)) }
                    (foot(report, run))
                }
            }
        }
    };
    page.into_string()
}

fn head(report: &Report) -> Markup {
    let run = &report.run;
    let summary = &report.summary;
    let (class, verdict) = if summary.good { ("good", "All good") } else { ("bad", "Found wanting") };
    markup! {
        header {
            p.eyebrow { "homehive · " (clean(&run.machine)) }
            h1 { (clean(&run.title)) }
            div class=(format!("verdict {class}")) {
                span.badge aria-hidden="true" { @if summary.good { "✓" } @else { "✗" } }
                div {
                    strong { (verdict) }
                    p {
                        (summary.passed) " passed, " (summary.failed) " failed, "
                        @if summary.not_run > 0 { a href="#not-run" { (summary.not_run) " not run" } }
                        @else { "nothing left out" }
                    }
                }
            }
            dl.facts {
                (fact("Machine", &run.machine))
                (fact("Started", &run.started.replacen('T', " ", 1)))
                (fact("Took", &seconds(run.seconds)))
                @if let Some(payload) = run.payload { (fact("System", payload.title())) }
                @if let Some(accel) = run.accel { (fact("Processor", accel.title())) }
            }
        }
    }
}

fn fact(name: &str, value: &str) -> Markup {
    markup! { @if !value.is_empty() { div { dt { (name) } dd { (clean(value)) } } } }
}

fn foot(report: &Report, run: &Run) -> Markup {
    markup! {
        footer {
            p { "Written by homehive; report schema " (report.version) ". The same facts, for programs: --json, JUnit XML." }
            @if run.accel.is_some() {
                p { "Durations are those of a virtual machine and say little about real disks." }
            }
        }
    }
}
