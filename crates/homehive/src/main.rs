//! The command line: verbs, progress, diagnostics, exit statuses. Everything else is left to the other crates.

// They panic where nobody reads any more; `answer` does not.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod answer;
mod approval;
mod args;
mod building;
mod clustering;
mod converge;
mod deploying;
mod failure;
mod finding;
mod hostkeys;
mod importing;
mod installing;
mod kexecing;
mod keyring;
mod labs;
mod load;
mod medium;
mod reach;
mod readers;
#[cfg(test)]
mod reference;
mod rendering;
mod scenario;
mod schemas;
mod sealing;
mod verbs;
mod verifying;

use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = args::Cli::of(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(verbs::run(cli)),
        Err(error) => Err(Failure::Failed(format!("cannot start: {error}"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.to_string();
            if !text.is_empty() {
                answer::aside(format_args!("homehive: {}", text.trim_end()));
            }
            failure.code()
        }
    }
}
