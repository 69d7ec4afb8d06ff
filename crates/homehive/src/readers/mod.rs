//! Readers of the story: the same events as plain lines, as bars on a terminal, or as JSON lines. All write to
//! standard error; standard output is for the answer.

mod bars;
mod lines;

use machine::Story;
use std::io::IsTerminal as _;

/// The reader that fits the options and the terminal.
pub fn story(json: bool, plain: bool) -> Story {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if json {
        lines::json()
    } else if plain || no_colour || !std::io::stderr().is_terminal() {
        lines::plain()
    } else {
        bars::bars()
    }
}
