//! The sections of the HTML page, each from its part of the report.

use super::{Applied, NotRun, Picture, Reading, Stage, Verification, by_reason};
use crate::draw::svg;
use crate::text::{clean, seconds};
use crate::{CheckResult, GroupResult, Outcome};
use maud::{Markup, PreEscaped, html};

/// The stages, one bar each, along the time of all of them.
pub(super) fn timeline(stages: &[Stage]) -> Markup {
    let total: f64 = stages.iter().map(|stage| stage.seconds.max(0.0)).sum();
    let mut begin = 0.0;
    let rows = stages.iter().map(|stage| {
        let from = begin;
        begin += stage.seconds.max(0.0);
        (stage, from)
    });
    html! {
        section {
            h2 { "Stages" }
            ol.rows {
                @for (stage, from) in rows {
                    li class=(tone(&stage.outcome)) {
                        span.mark { (mark(&stage.outcome)) }
                        span.name { (clean(&stage.name)) }
                        (bar(from, stage.seconds, total))
                        (time(&stage.outcome, stage.seconds))
                        @if !stage.detail.is_empty() { p.detail { (clean(&stage.detail)) } }
                        @if let Outcome::NotRun { reason } = &stage.outcome { p.detail { (clean(reason)) } }
                    }
                }
            }
        }
    }
}

/// The steps of a plan, one bar each; bars beside one another ran side by side.
pub(super) fn applied(plan: &Applied) -> Markup {
    let end = plan.steps.iter().map(|step| step.begin + step.seconds).fold(0.0, f64::max);
    html! {
        section {
            h2 { (clean(&plan.title)) }
            p.lead { (plan.steps.len()) " steps in " (seconds(end)) }
            ol.rows.steps {
                @for step in &plan.steps {
                    li class=(tone(&step.outcome)) {
                        span.mark { (mark(&step.outcome)) }
                        span.name { (clean(&step.what)) }
                        (bar(step.begin, step.seconds, end))
                        (time(&step.outcome, step.seconds))
                    }
                }
            }
        }
    }
}

/// A bar from `begin`, of `length`, on a line of `total`.
fn bar(begin: f64, length: f64, total: f64) -> Markup {
    let part = |value: f64| if total > 0.0 { (value / total * 1000.0).clamp(0.0, 1000.0) } else { 0.0 };
    let (from, wide) = (part(begin), part(length).max(4.0));
    let from = from.min(1000.0 - wide);
    html! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.track x="0" y="4.5" width="1000" height="1" {}
            rect.span x=(format!("{from:.1}")) y="0" width=(format!("{wide:.1}")) height="10" {}
        }
    }
}

fn time(outcome: &Outcome, took: f64) -> Markup {
    html! { span.time { @if matches!(outcome, Outcome::NotRun { .. }) { "not run" } @else { (seconds(took)) } } }
}

/// The storage stack at one moment.
pub(super) fn picture(picture: &Picture) -> Markup {
    html! {
        section {
            h2 { (clean(&picture.title)) }
            div.scroll tabindex="0" role="region" aria-label=(clean(&picture.title)) { (PreEscaped(svg(&picture.diagram))) }
        }
    }
}

/// Every group of one moment, every check of each group.
pub(super) fn verification(verification: &Verification) -> Markup {
    let run = |group: &&GroupResult| !matches!(group.outcome, Outcome::NotRun { .. });
    let left: Vec<_> = verification.groups.iter().filter(|group| !run(group)).collect();
    html! {
        section {
            h2 { "Verified " (clean(&verification.title)) }
            p.lead {
                (verification.groups.len() - left.len()) " groups checked in " (seconds(verification.seconds))
                @if !left.is_empty() {
                    "; not run: "
                    @for (nth, group) in left.iter().enumerate() {
                        @if nth > 0 { ", " }
                        (clean(&group.id))
                    }
                    " ("
                    a href="#not-run" { "why" }
                    ")"
                }
            }
            div.groups {
                @for one in verification.groups.iter().filter(run) { (group(verification.reading(one), one)) }
            }
        }
    }
}

fn group(reading: Reading, group: &GroupResult) -> Markup {
    let passed = group.checks.iter().filter(|check| check.outcome == Outcome::Passed).count();
    let (class, word) = match reading {
        Reading::Passed => ("good", "passed"),
        Reading::Noticed => ("noticed", "failed, as it had to"),
        Reading::Failed => ("bad", "failed"),
        Reading::Unnoticed => ("bad", "passed, but had to fail"),
        Reading::NotRun => ("open", "not run"),
    };
    html! {
        article class=(format!("group {class}")) {
            header {
                h3 { (clean(&group.title)) }
                p { code { (clean(&group.id)) } span.state { (word) } span.count { (passed) " of " (group.checks.len()) } }
            }
            ul { @for one in &group.checks { (check(one)) } }
        }
    }
}

fn check(check: &CheckResult) -> Markup {
    html! {
        li class=(tone(&check.outcome)) {
            span.mark { (mark(&check.outcome)) }
            div {
                span.name { (clean(&check.title)) }
                @if !check.detail.is_empty() { p.detail { (clean(&check.detail)) } }
                @if let Outcome::NotRun { reason } = &check.outcome { p.detail { "not run: " (clean(reason)) } }
            }
        }
    }
}

/// What was not run, by reason.
pub(super) fn not_run(all: &[NotRun]) -> Markup {
    html! {
        section #not-run {
            h2 { "What was not run, and why" }
            p.lead { "Nothing here counts as passed." }
            @for (reason, whats) in by_reason(all) {
                div.omitted {
                    h3 { (clean(reason)) }
                    ul { @for what in whats { li { (clean(what)) } } }
                }
            }
        }
    }
}

fn tone(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "good",
        Outcome::Failed => "bad",
        Outcome::NotRun { .. } => "open",
    }
}

/// A mark that is read aloud as a word.
fn mark(outcome: &Outcome) -> Markup {
    let (sign, word) = match outcome {
        Outcome::Passed => ("✓", "passed"),
        Outcome::Failed => ("✗", "failed"),
        Outcome::NotRun { .. } => ("–", "not run"),
    };
    html! { span role="img" aria-label=(word) { (sign) } }
}
