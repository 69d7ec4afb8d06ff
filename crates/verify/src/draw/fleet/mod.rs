//! A whole fleet in one picture: its network, what it offers, and its machines with their disks. Reading it is left to
//! people; the words are those of the fleet's summary.

mod cards;
mod chips;
mod machine;
mod network;
mod pack;
mod style;

use crate::text::{clean, fit};
use cards::Card;
use fleet::Fleet;
use fleet::summary::Summary;
use maud::{Markup, PreEscaped, html};

/// What every part keeps clear of its neighbours and of the edge.
const GAP: f64 = 24.0;
/// As wide as the words at its head need.
const NARROW: f64 = 780.0;
const HEAD: f64 = 56.0;

/// A piece of the picture that knows how large it is.
struct Piece {
    width: f64,
    height: f64,
    drawing: Markup,
}

/// Draws the fleet: an SVG file that stands alone, light or dark as the reader's screen is.
pub fn fleet(fleet: &Fleet) -> String {
    let summary = Summary::of(fleet);
    let machines: Vec<Piece> =
        fleet.machines.iter().map(|(name, machine)| machine::piece(fleet, name, machine)).collect();
    let widest = machines.iter().map(|piece| piece.width).fold(NARROW, f64::max);
    let inner = pack::width(&machines, widest);
    let network = network::piece(fleet, inner);
    let services = cards::piece("Services", &Card::all(fleet, &summary), inner);

    let network_top = HEAD + GAP;
    let services_top = network_top + network.height + GAP;
    let machines_top = services_top + services.height + if services.height > 0.0 { GAP } else { 0.0 };
    let (places, bottom) = pack::pack(&machines, inner);
    let (width, height) = (inner + 2.0 * GAP, machines_top + bottom + GAP);
    let at = |x: f64, y: f64| format!("translate({:.1} {:.1})", x + GAP, y);
    let drawing = html! {
        svg.hh-stack.hh-fleet xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {width:.0} {height:.0}"))
            width=(format!("{width:.0}")) height=(format!("{height:.0}")) role="img" {
            title { (told(fleet)) }
            style { (PreEscaped(style::style())) }
            rect.hh-paper width="100%" height="100%" {}
            g transform=(at(0.0, GAP)) { (head(&summary, inner)) }
            g transform=(at(0.0, network_top)) { (network.drawing) }
            g transform=(at(0.0, services_top)) { (services.drawing) }
            @for (piece, (x, y)) in machines.iter().zip(places) {
                g transform=(at(x, machines_top + y)) { (piece.drawing) }
            }
        }
    };
    drawing.into_string() + "\n"
}

/// The picture in a sentence, for those who cannot see it.
fn told(fleet: &Fleet) -> String {
    let machines: Vec<String> =
        fleet.machines.iter().map(|(name, machine)| format!("{name} at {}", machine.address)).collect();
    clean(&format!("The fleet {}: {}", fleet.about.name, machines.join(", "))).into_owned()
}

fn head(summary: &Summary, inner: f64) -> Markup {
    let count = |count: usize, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
    let mut words = vec![count(summary.machines.len(), "machine", "machines"), summary.domain.clone()];
    words.push(summary.nixpkgs.clone());
    words.push(format!("admin {}", summary.admin));
    if let Some(upgrades) = &summary.upgrades {
        words.push(format!("upgrades {}", upgrades.schedule));
    }
    html! {
        text.hh-name x="0" y="20" { (fit(&clean(&summary.fleet), 63)) }
        text.hh-words x="0" y="42" { (fit(&clean(&words.join(" · ")), words_fit(inner))) }
    }
}

/// How many columns of words fit into so much room, at what wide fonts take.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small, positive number of columns")]
fn words_fit(room: f64) -> usize {
    (room / 7.0).max(1.0) as usize
}

/// A number as SVG wants it.
fn n(number: f64) -> String {
    format!("{number:.1}")
}
