//! The LAN as a line of addresses: who stands where, and which parts of it are given out.

use super::chips::{self, Chip};
use super::{Piece, n};
use fleet::{AddressRange, Fleet};
use maud::html;
use std::net::Ipv4Addr;

const TOP: f64 = 34.0;
const SIDE: f64 = 16.0;
const BAR: f64 = 16.0;

pub(super) fn piece(fleet: &Fleet, width: f64) -> Piece {
    let network = &fleet.network;
    let (first, last) = (network.subnet.network(), network.subnet.broadcast());
    let room = width - 2.0 * SIDE;
    let span = f64::from(last.to_bits() - first.to_bits()).max(1.0);
    let at = |address: Ipv4Addr| SIDE + room * f64::from(address.to_bits().saturating_sub(first.to_bits())) / span;
    let range = |range: AddressRange| (at(range.first()), (at(range.last()) - at(range.first())).max(3.0));
    let ranges = network.dhcp.iter().map(|it| ("hh-dhcp", it));
    let ranges: Vec<_> = ranges.chain(network.balancer.iter().map(|it| ("hh-pool", it))).collect();
    let mut dots: Vec<(&str, Ipv4Addr)> = network.hosts.values().map(|address| ("hh-host", *address)).collect();
    dots.extend(fleet.machines.values().map(|machine| ("hh-machine", machine.address)));
    dots.extend(network.gateway.map(|address| ("hh-gateway", address)));

    let mut words = Vec::new();
    words.extend(network.gateway.map(|address| Chip::new("hh-gateway", format!("gateway {address}"))));
    let machines = fleet.machines.len();
    words.push(Chip::new(
        "hh-machine",
        if machines == 1 { "the machine".into() } else { format!("{machines} machines") },
    ));
    words.extend(network.dhcp.iter().map(|range| Chip::new("hh-dhcp", format!("DHCP {range}"))));
    words.extend(network.balancer.iter().map(|range| Chip::new("hh-pool", format!("balancer {range}"))));
    words.extend(network.hosts.iter().map(|(name, address)| Chip::new("hh-host", format!("{name} {address}"))));
    let (legend, below) = chips::rows(&words, room);

    let legend_top = TOP + BAR + 14.0;
    let height = legend_top + below + SIDE;
    let drawing = html! {
        rect.hh-band width=(n(width)) height=(n(height)) rx="12" {}
        text.hh-heading x=(n(SIDE)) y="22" { "Network " (network.subnet) }
        rect.hh-lan x=(n(SIDE)) y=(n(TOP)) width=(n(room)) height=(n(BAR)) rx="8" {}
        @for (class, it) in ranges {
            @let (x, wide) = range(it);
            rect class=(format!("hh-range {class}")) x=(n(x)) y=(n(TOP)) width=(n(wide)) height=(n(BAR)) rx="3" {}
        }
        @for (class, address) in dots {
            rect class=(format!("hh-address {class}")) x=(n(at(address) - 1.5)) y=(n(TOP - 3.0)) width="3" height=(n(BAR + 6.0)) rx="1.5" { title { (address) } }
        }
        g transform=(format!("translate({} {})", n(SIDE), n(legend_top))) { (legend) }
    };
    Piece { width, height, drawing }
}
