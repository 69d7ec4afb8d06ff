//! The share publisher as a program of its own, so that machines need nothing else of homehive.

use clap::Parser;
use std::process::ExitCode;

/// Publishes the cluster's shares on the LAN by Avahi, until it is told to stop.
#[derive(Debug, Parser)]
#[command(name = "homehive-publish-shares", version)]
struct Cli {
    #[command(flatten)]
    options: publisher::Options,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // One thread is plenty, and small.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("homehive-publish-shares: cannot start: {error}");
            return ExitCode::from(4);
        }
    };
    match runtime.block_on(publisher::run(&cli.options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("homehive-publish-shares: {error}");
            ExitCode::from(4)
        }
    }
}
