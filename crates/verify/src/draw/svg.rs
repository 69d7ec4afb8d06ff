//! A placed diagram as SVG: self-contained, light or dark as the reader's screen is, its meaning never in colour alone.

use super::layout::{Layout, Place, WIDTH, layout};
use super::{Diagram, Health, Part, PartKind};
use crate::text::{clean, fit};
use maud::{Markup, PreEscaped, html};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// Colours and type of the picture; class names are its own, so that a page may hold it.
const STYLE: &str = concat!(include_str!("palette.css"), include_str!("parts.css"));

/// The columns that fit a box at the sizes of `parts.css`.
const TITLE_COLUMNS: usize = 24;
const DETAIL_COLUMNS: usize = 29;

/// Draws a diagram: an SVG element that stands alone as a file, or inside an HTML page.
pub fn svg(diagram: &Diagram) -> String {
    let layout = layout(diagram);
    let (width, height) = (layout.width.max(1.0), layout.height.max(1.0));
    let view = format!("0 0 {width:.0} {height:.0}");
    let drawing = html! {
        svg.hh-stack xmlns="http://www.w3.org/2000/svg" viewBox=(view) width=(format!("{width:.0}"))
            height=(format!("{height:.0}")) role="img" {
            title { (summary(diagram)) }
            style { (PreEscaped(STYLE)) }
            (content(&layout))
        }
    };
    drawing.into_string()
}

/// Everything of a placed diagram, without the element around it.
pub(super) fn content(layout: &Layout<'_>) -> Markup {
    html! {
        @for (name, place) in &layout.frames { (frame(name, *place)) }
        @for line in &layout.lines {
            path class=(format!("hh-line {}", health_class(layout.parts[line.from].0.health))) d=(path(&line.stops)) {}
        }
        @for (from, to, label) in &layout.caches { (cache(*from, *to, label)) }
        @for (part, place) in &layout.parts { (part_box(part, *place)) }
    }
}

/// What the picture shows, for those who cannot see it.
fn summary(diagram: &Diagram) -> String {
    let mut text = String::from("Storage stack, disks to mount points");
    for part in diagram.parts.iter().filter(|part| part.health > Health::Good) {
        let _ = write!(text, "; {} {}", clean(&part.title), clean(&part.note));
    }
    text
}

fn frame(name: &str, place: Place) -> Markup {
    html! {
        rect.hh-frame x=(n(place.x)) y=(n(place.y)) width=(n(place.width)) height=(n(place.height)) rx="12" {}
        text.hh-frame-name x=(n(place.x + 14.0)) y=(n(place.y + 20.0)) { (fit(&clean(name), DETAIL_COLUMNS)) }
    }
}

/// A line from box to box: level inside lanes, curved between columns.
fn path(stops: &[Place]) -> String {
    let mut path = String::new();
    for (nth, pair) in stops.windows(2).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        let (x, y, end, level) = (from.right(), from.middle(), to.x, to.middle());
        let bend = f64::midpoint(x, end);
        let word = if nth == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{word}{x:.1} {y:.1}C{bend:.1} {y:.1} {bend:.1} {level:.1} {end:.1} {level:.1}");
    }
    path
}

/// An arrow from a cache to what it caches; they stand above one another.
fn cache(from: Place, to: Place, label: &str) -> Markup {
    let down = from.y < to.y;
    let (start, end) = if down { (from.bottom(), to.y) } else { (from.y, to.bottom()) };
    let x = from.x + 28.0;
    let back = if down { end - 6.0 } else { end + 6.0 };
    let head = format!("M{:.1} {back:.1}L{x:.1} {end:.1}L{:.1} {back:.1}", x - 4.5, x + 4.5);
    html! {
        path.hh-cache d=(format!("M{x:.1} {start:.1}L{x:.1} {end:.1}{head}")) {}
        text.hh-cache-name x=(n(x + 12.0)) y=(n(f64::midpoint(start, end) + 4.0)) { (fit(&clean(label), DETAIL_COLUMNS)) }
    }
}

fn part_box(part: &Part, place: Place) -> Markup {
    let size = fit(&clean(&part.size), TITLE_COLUMNS / 2).into_owned();
    let room = TITLE_COLUMNS.saturating_sub(size.width() + usize::from(!size.is_empty()));
    let class = format!("hh-part {} {}", kind_class(part.kind), health_class(part.health));
    let mut full = format!("{}: {} {} {}", part.id, part.title, part.size, part.detail);
    if !part.note.is_empty() {
        let _ = write!(full, " ({})", part.note);
    }
    html! {
        g class=(class) transform=(format!("translate({} {})", n(place.x), n(place.y))) {
            title { (clean(&full)) }
            rect.hh-card width=(n(place.width)) height=(n(place.height)) rx="8" {}
            path.hh-kind d=(format!("M8 .5H6A5.5 5.5 0 0 0 .5 6V{0:.1}A5.5 5.5 0 0 0 6 {1:.1}H8Z", place.height - 6.0, place.height - 0.5)) {}
            text.hh-title x="18" y="19" { (fit(&clean(&part.title), room)) }
            text.hh-size x=(n(WIDTH - 12.0)) y="19" text-anchor="end" { (size) }
            text.hh-detail x="18" y="36" { (fit(&clean(&part.detail), DETAIL_COLUMNS)) }
            @if !part.note.is_empty() {
                circle.hh-dot cx="22" cy="49" r="4" {}
                text.hh-note x="31" y="53" { (fit(&clean(&part.note), DETAIL_COLUMNS - 2)) }
            }
        }
    }
}

fn kind_class(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Disk => "hh-disk",
        PartKind::Partition => "hh-partition",
        PartKind::Array => "hh-array",
        PartKind::Volume | PartKind::Crypt => "hh-volume",
        PartKind::Filesystem => "hh-filesystem",
    }
}

fn health_class(health: Health) -> &'static str {
    match health {
        Health::Unknown => "hh-unknown",
        Health::Good => "hh-good",
        Health::Degraded => "hh-degraded",
        Health::Missing => "hh-missing",
    }
}

fn n(number: f64) -> String {
    format!("{number:.1}")
}
