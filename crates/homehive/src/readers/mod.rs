//! Readers of the story: the same events as plain lines, as bars on a terminal, or as JSON lines. All write to
//! standard error; standard output is for the answer.

mod bars;
mod lines;

use machine::{Event, Story};
use std::io::IsTerminal as _;

/// The reader that fits the options and the terminal. Commands are told from `verbose` 1 on, what they printed from 2.
pub fn story(json: bool, plain: bool, verbose: u8) -> Story {
    let reader = reader(json, plain);
    Story::new(move |event| match event {
        Event::Command { .. } if verbose < 1 => {}
        Event::Printed { .. } if verbose < 2 => {}
        event => reader.tell(event),
    })
}

fn reader(json: bool, plain: bool) -> Story {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if json {
        lines::json()
    } else if plain || no_colour || !std::io::stderr().is_terminal() {
        lines::plain()
    } else {
        bars::bars()
    }
}
