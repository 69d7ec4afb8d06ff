//! Programs that a machine may not have: a test that needs one says so and does nothing.

use std::path::PathBuf;
use std::process::Command;

/// The program, from `PATH` or from where `scripts/setup.sh test` puts it; none, and a word on it, if it is not there.
pub fn tool(name: &str) -> Option<Command> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let folders = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .chain(cache.map(|cache| cache.join("homehive/tools/bin")))
        .collect::<Vec<_>>();
    let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: {name} is not on this machine");
    }
    found.map(Command::new)
}

/// What the program printed; it must have succeeded.
pub fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let aside = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}{aside}", output.status);
    text
}
