//! Draws a fleet file: `cargo run -p verify --example fleet -- fleet.toml > fleet.svg`.

use std::process::ExitCode;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example")]
fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else { return ExitCode::FAILURE };
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    match fleet::Fleet::parse(&text, &path, fleet::Format::of(&path)) {
        Ok(fleet) => print!("{}", verify::draw::fleet(&fleet)),
        Err(report) => {
            eprintln!("{:?}", report.findings());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
