//! What is rendered for monitoring, judged by the programs that will read it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests, which run programs on files"
)]

mod charts;
#[path = "../common/mod.rs"]
mod common;
mod dashboards;
mod metrics;
mod routing;
mod rules;
mod tool;
