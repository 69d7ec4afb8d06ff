//! Serves the drives of a lab's machine, or the wire between its machines: `lab-serve serve-drives LIST`, `lab-serve
//! switch-frames LIST`. The command `homehive` does the same; this is for what uses the lab without it.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let served = match words.as_slice() {
        [_, word, list] if word == lab::SERVE => lab::serve_drives(Path::new(list)),
        [_, word, list] if word == lab::SWITCH => lab::serve_wire(Path::new(list)),
        _ => {
            eprintln!("usage: lab-serve {} LIST, or lab-serve {} LIST", lab::SERVE, lab::SWITCH);
            return ExitCode::from(2);
        }
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab-serve: {error}");
            ExitCode::FAILURE
        }
    }
}
