//! What of a running machine's network is carried over into the installer: cards by their MAC, with their addresses, as
//! static ones. Pure.

use serde::Deserialize;
use std::fmt::Write as _;
use std::net::IpAddr;

/// A network card and its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// What the kernel calls it today.
    pub name: String,
    /// Its MAC, by which the installer finds it.
    pub mac: String,
    /// Its global addresses, with the bits of their networks.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Where packets leave its network.
    pub gateways: Vec<IpAddr>,
}

#[derive(Deserialize)]
struct Card {
    #[serde(default)]
    ifname: String,
    #[serde(default)]
    link_type: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    addr_info: Vec<Info>,
}

#[derive(Deserialize)]
struct Info {
    local: Option<IpAddr>,
    #[serde(default)]
    prefixlen: u8,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    temporary: bool,
}

#[derive(Deserialize)]
struct Route {
    #[serde(default)]
    dev: String,
    gateway: Option<IpAddr>,
    #[serde(default)]
    protocol: String,
}

/// The cards among `cards` (those that are devices, not bridges) with global addresses, as iproute2 prints them in JSON.
pub(super) fn links(cards: &[&str], addresses: &str, routes: &[&str]) -> Vec<Link> {
    let all: Vec<Card> = serde_json::from_str(addresses).unwrap_or_default();
    let routes: Vec<Route> =
        routes.iter().flat_map(|text| serde_json::from_str::<Vec<Route>>(text).unwrap_or_default()).collect();
    let link = |card: Card| {
        // Addresses that a router announced and that change by themselves come back by themselves.
        let global = card.addr_info.iter().filter(|info| info.scope == "global" && !info.temporary);
        let mut gateways: Vec<IpAddr> = Vec::new();
        let through = routes.iter().filter(|route| route.dev == card.ifname && route.protocol != "ra");
        for gateway in through.filter_map(|route| route.gateway) {
            if !gateways.contains(&gateway) {
                gateways.push(gateway);
            }
        }
        Link {
            addresses: global.filter_map(|info| Some((info.local?, info.prefixlen))).collect(),
            gateways,
            name: card.ifname,
            mac: card.address,
        }
    };
    let real = |card: &Card| card.link_type == "ether" && cards.contains(&card.ifname.as_str()) && mac(&card.address);
    all.into_iter().filter(real).map(link).filter(|link| !link.addresses.is_empty()).collect()
}

/// Six bytes in hexadecimal: it goes into a file that others read.
fn mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 6 && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Link {
    /// The card as a file of systemd.network(5).
    pub fn networkd(&self) -> String {
        let mut text = format!("[Match]\nMACAddress={}\n\n[Network]\nDHCP=no\n", self.mac);
        for (address, prefix) in &self.addresses {
            let _ = writeln!(text, "Address={address}/{prefix}");
        }
        for gateway in &self.gateways {
            let _ = writeln!(text, "\n[Route]\nGateway={gateway}\nGatewayOnLink=yes");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, links};

    const ADDRESSES: &str = r#"[
        {"ifname":"lo","link_type":"loopback","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]},
        {"ifname":"enp1s0","link_type":"ether","address":"52:54:00:12:34:56","addr_info":[
            {"family":"inet","local":"192.168.1.77","prefixlen":24,"broadcast":"192.168.1.255","scope":"global","dynamic":true},
            {"family":"inet6","local":"2001:db8::7","prefixlen":64,"scope":"global"},
            {"family":"inet6","local":"2001:db8::abcd","prefixlen":64,"scope":"global","temporary":true,"dynamic":true},
            {"family":"inet6","local":"fe80::5054:ff:fe12:3456","prefixlen":64,"scope":"link"}]},
        {"ifname":"br0","link_type":"ether","address":"52:54:00:00:00:01","addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":8,"scope":"global"}]},
        {},
        {"ifname":"enp2s0","link_type":"ether","address":"52:54:00:12:34:57","addr_info":[]}]"#;
    const ROUTES: &str = r#"[{"dst":"default","gateway":"192.168.1.1","dev":"enp1s0","protocol":"dhcp","metric":100},
        {"dst":"default","gateway":"192.168.1.1","dev":"enp1s0","protocol":"static"},{"dst":"default","dev":"tun0"}]"#;
    const ROUTES6: &str = r#"[{"dst":"default","gateway":"fe80::1","dev":"enp1s0","protocol":"ra"}]"#;

    #[test]
    fn cards_with_addresses_are_carried_over() {
        let found = links(&["enp1s0", "enp2s0"], ADDRESSES, &[ROUTES, ROUTES6]);
        let expected = Link {
            name: "enp1s0".into(),
            mac: "52:54:00:12:34:56".into(),
            addresses: vec![([192, 168, 1, 77].into(), 24), ("2001:db8::7".parse().unwrap(), 64)],
            gateways: vec![[192, 168, 1, 1].into()],
        };
        assert_eq!(found, std::slice::from_ref(&expected));
        insta::assert_snapshot!(expected.networkd());
    }

    #[test]
    fn what_makes_no_sense_carries_nothing() {
        for (addresses, routes) in [("", ""), ("[", "{}"), ("[]", "[]"), ("{\"a\":1}", "x")] {
            assert_eq!(links(&["enp1s0"], addresses, &[routes]), [], "{addresses}");
        }
        let odd = ADDRESSES.replace("52:54:00:12:34:56", "52:54:00\\n[Exec]");
        assert_eq!(links(&["enp1s0"], &odd, &[ROUTES]), []);
    }
}
