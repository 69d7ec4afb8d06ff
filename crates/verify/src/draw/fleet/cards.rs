//! What the fleet offers on the LAN, as a grid of cards: name, where it is found, and what it is.

use super::chips::columns;
use super::{Piece, n};
use crate::text::{clean, fit};
use fleet::Fleet;
use fleet::ShareKind;
use fleet::summary::Summary;
use maud::html;

const LEAST: f64 = 268.0;
const HEIGHT: f64 = 66.0;
const SPACE: f64 = 12.0;
const TOP: f64 = 34.0;
const SIDE: f64 = 16.0;
/// What a column of each line takes in wide fonts, and what a card keeps free beside its text.
const TITLE: f64 = 7.9;
const PLACE: f64 = 6.7;
const WHAT: f64 = 6.9;
const EDGES: f64 = 30.0;

/// One service.
pub(super) struct Card {
    class: &'static str,
    title: String,
    place: String,
    what: String,
}

impl Card {
    /// Every service but SSH, which each machine shows itself.
    pub(super) fn all(fleet: &Fleet, summary: &Summary) -> Vec<Self> {
        let mut cards = Vec::new();
        for service in summary.services.iter().filter(|service| !service.name.starts_with("SSH on ")) {
            let share = summary.shares.iter().find(|share| service.name == format!("share {}", share.name));
            let (class, what) = match share {
                Some(share) => {
                    let kind = match share.kind {
                        ShareKind::Storage => "Samba",
                        ShareKind::TimeMachine => "Time Machine",
                    };
                    let size = share.size.map(|size| format!(" · {size}")).unwrap_or_default();
                    ("hh-share", format!("{kind}{size} · {}:{}", share.machine, share.volume))
                }
                None if service.name.starts_with("k3s API") => {
                    let version = fleet.k3s.version.as_ref().map(|it| format!("Kubernetes {it}"));
                    ("hh-api", version.unwrap_or_else(|| "Kubernetes".to_owned()))
                }
                None => ("hh-web", "metrics, dashboards, alerts".to_owned()),
            };
            let place = match &service.at {
                Some(at) => format!("{at}:{}", service.port),
                None => format!("an address of the balancer, port {}", service.port),
            };
            cards.push(Self { class, title: service.name.clone(), place, what });
        }
        cards
    }

    /// How wide it would like to be.
    fn width(&self) -> f64 {
        let lines = [(&self.title, TITLE), (&self.place, PLACE), (&self.what, WHAT)];
        lines.into_iter().map(|(text, column)| columns(text) * column).fold(0.0, f64::max) + EDGES
    }
}

/// The cards under a heading; nothing at all if there are none.
pub(super) fn piece(heading: &str, cards: &[Card], width: f64) -> Piece {
    if cards.is_empty() {
        return Piece { width, height: 0.0, drawing: html! {} };
    }
    let room = width - 2.0 * SIDE;
    let wanted = cards.iter().map(Card::width).fold(LEAST, f64::max);
    let most = ((room + SPACE) / (wanted + SPACE)).floor().max(1.0);
    // As many in each line as lets the last one be full.
    let lines = (count(cards.len()) / most).ceil();
    let across = (count(cards.len()) / lines).ceil();
    let each = (room - (across - 1.0) * SPACE) / across;
    let place = |nth: usize| {
        let nth = count(nth);
        let row = (nth / across).floor();
        (SIDE + (nth - row * across) * (each + SPACE), TOP + row * (HEIGHT + SPACE))
    };
    let bottom = place(cards.len() - 1).1 + HEIGHT + SIDE;
    let drawing = html! {
        rect.hh-band width=(n(width)) height=(n(bottom)) rx="12" {}
        text.hh-heading x=(n(SIDE)) y="22" { (heading) }
        @for (nth, card) in cards.iter().enumerate() {
            @let (x, y) = place(nth);
            g class=(format!("hh-service {}", card.class)) transform=(format!("translate({} {})", n(x), n(y))) {
                rect.hh-card width=(n(each)) height=(n(HEIGHT)) rx="8" {}
                rect.hh-mark x="0.5" y="10" width="4" height=(n(HEIGHT - 20.0)) rx="2" {}
                text.hh-title x="18" y="21" { (fit(&clean(&card.title), fitting(each, TITLE))) }
                text.hh-detail x="18" y="39" { (fit(&clean(&card.place), fitting(each, PLACE))) }
                text.hh-what x="18" y="56" { (fit(&clean(&card.what), fitting(each, WHAT))) }
            }
        }
    };
    Piece { width, height: bottom, drawing }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// How many columns of text fit into a card.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small, positive number of columns")]
fn fitting(width: f64, column: f64) -> usize {
    ((width - EDGES) / column + 0.01).max(1.0) as usize
}
