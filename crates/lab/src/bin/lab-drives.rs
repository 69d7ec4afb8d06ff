//! Serves the drives of a lab's machine: `lab-drives serve-drives LIST`. The command `homehive` does the same; this is for what
//! uses the lab without it.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    match words.as_slice() {
        [_, word, list] if word == lab::SERVE => match lab::serve_drives(Path::new(list)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("lab-drives: {error}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("usage: lab-drives {} LIST", lab::SERVE);
            ExitCode::from(2)
        }
    }
}
