//! One machine: its name, role, tags and address, how it boots, and its storage stack.

use super::chips::{self, Chip, columns};
use super::{Piece, n, words_fit};
use crate::draw::Diagram;
use crate::draw::layout::layout;
use crate::draw::svg::content;
use crate::text::{clean, fit};
use fleet::{Fleet, HostName, Loader, Machine, Role};
use maud::html;
use storage::wish::Kind;
use storage::{NodeId, Wish};

const SIDE: f64 = 20.0;
/// As narrow and as wide as the words at the head make it.
const LEAST: f64 = 496.0;
const MOST: f64 = 1000.0;
const NAME: f64 = 34.0;

pub(super) fn piece(fleet: &Fleet, name: &HostName, machine: &Machine) -> Piece {
    let wish = Wish::new(&machine.storage, fleet.namespace(name));
    let diagram = Diagram::of(&wish, None).folded();
    let stack = layout(&diagram);
    let told = told(fleet, name, machine, &wish);
    let room = (columns(name.as_ref()) * 11.6).max(columns(&told) * 7.0).min(MOST);
    let width = stack.width.max(room).max(LEAST) + 2.0 * SIDE;
    let mut words = Vec::new();
    match machine.role {
        Role::K3sServer => words.push(Chip::new("hh-server", "k3s server")),
        Role::K3sAgent => words.push(Chip::new("hh-agent", "k3s agent")),
        Role::None => {}
    }
    words.extend(machine.tags.iter().map(|tag| Chip::new("hh-tag", format!("@{tag}"))));
    let (chips, chips_height) = chips::rows(&words, width - 2.0 * SIDE);
    let chips_top = NAME + 26.0;
    let stack_top = chips_top + chips_height + 18.0;
    let height = if diagram.parts.is_empty() { stack_top } else { stack_top + stack.height + SIDE };
    let drawing = html! {
        g.hh-box {
            title { (clean(&format!("{name}: {told}"))) }
            rect.hh-band width=(n(width)) height=(n(height)) rx="12" {}
            text.hh-name x=(n(SIDE)) y=(n(NAME - 4.0)) { (name) }
            text.hh-words x=(n(SIDE)) y=(n(NAME + 16.0)) { (fit(&clean(&told), words_fit(width - 2.0 * SIDE))) }
            g transform=(format!("translate({} {})", n(SIDE), n(chips_top))) { (chips) }
            g transform=(format!("translate({} {})", n(SIDE), n(stack_top))) { (content(&stack)) }
        }
    };
    Piece { width, height, drawing }
}

/// Where it is, where its system comes from, and how it boots.
fn told(fleet: &Fleet, name: &HostName, machine: &Machine, wish: &Wish) -> String {
    let mut words = vec![machine.address.to_string(), format!("{name}.{}", fleet.about.domain)];
    words.extend(machine.interface.as_ref().map(ToString::to_string));
    words.extend(machine.ssh.port.map(|port| format!("SSH at {}:{}", machine.reached_at(), port.number())));
    words.extend(machine.configuration.as_ref().map(|it| format!("own configuration {it}")));
    let short = |node: &NodeId| node.as_str().trim_start_matches("disk.").to_owned();
    match machine.loader(wish) {
        Some(Loader::Bios(disks)) => {
            words.push(format!("BIOS, GRUB on {}", disks.iter().map(short).collect::<Vec<_>>().join(", ")));
        }
        Some(Loader::Efi(node)) => {
            let mirrored = matches!(wish.node(&node).map(|node| &node.kind), Some(Kind::Array(_)));
            words.push(if mirrored { "EFI, GRUB" } else { "EFI, systemd-boot" }.to_owned());
        }
        None => {}
    }
    words.join(" · ")
}
