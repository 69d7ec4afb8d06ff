//! Small words in a row: as wide as their text, broken into lines where the room ends.

use super::n;
use crate::text::{clean, fit};
use maud::{Markup, html};
use unicode_width::UnicodeWidthStr as _;

/// A column of text at the size of chips, rounded up to what wide fonts take.
const COLUMN: f64 = 7.0;
const SIDE: f64 = 9.0;
const BETWEEN: f64 = 8.0;
pub(super) const LINE: f64 = 28.0;
const HEIGHT: f64 = 21.0;

/// A word with the class that gives its colour.
pub(super) struct Chip {
    pub class: &'static str,
    pub text: String,
}

impl Chip {
    pub(super) fn new(class: &'static str, text: impl Into<String>) -> Self {
        Self { class, text: text.into() }
    }

    fn width(&self, room: f64) -> f64 {
        (columns(&self.text) * COLUMN + 2.0 * SIDE).min(room)
    }
}

/// How many columns a text takes.
pub(super) fn columns(text: &str) -> f64 {
    f64::from(u32::try_from(text.width()).unwrap_or(u32::MAX))
}

/// How many columns of chips' text fit.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small, positive number of columns")]
fn fitting(width: f64) -> usize {
    ((width - 2.0 * SIDE) / COLUMN + 0.01).max(1.0) as usize
}

/// The chips from the left, and how high their lines are.
pub(super) fn rows(chips: &[Chip], room: f64) -> (Markup, f64) {
    let (mut x, mut y) = (0.0, 0.0);
    let mut places = Vec::new();
    for chip in chips {
        let width = chip.width(room);
        if x > 0.0 && x + width > room {
            (x, y) = (0.0, y + LINE);
        }
        places.push((x, y, width));
        x += width + BETWEEN;
    }
    let height = if chips.is_empty() { 0.0 } else { y + HEIGHT };
    let drawing = html! {
        @for (chip, (x, y, width)) in chips.iter().zip(&places) {
            g class=(format!("hh-chip {}", chip.class)) transform=(format!("translate({} {})", n(*x), n(*y))) {
                rect width=(n(*width)) height=(n(HEIGHT)) rx="10.5" {}
                text x=(n(SIDE)) y="15" { (fit(&clean(&chip.text), fitting(*width))) }
            }
        }
    };
    (drawing, height)
}
