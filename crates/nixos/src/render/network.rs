//! The static network: what all machines share, and each one's address.

use super::{Home, Host};
use crate::syntax::{Expr, Set};
use fleet::Interface;

/// The unit of systemd-networkd that describes the port to the LAN.
const LAN: &str = "systemd.network.networks.10-lan";

/// What is the same on every machine.
pub(super) fn shared(home: &Home<'_>) -> Set {
    options(home).put(LAN, port(home)).with(waiting())
}

/// What one machine adds: its address, and the port that bears it.
pub(super) fn own(host: &Host<'_>) -> Set {
    Set::new().put(LAN, address(host))
}

/// All of it in one set, for a machine that shares nothing.
pub(super) fn whole(host: &Host<'_>) -> Set {
    options(host.home).put(LAN, address(host).with(port(host.home))).with(waiting())
}

fn options(home: &Home<'_>) -> Set {
    Set::new()
        .put("networking.domain", Expr::text(&home.fleet.about.domain))
        .put("networking.nameservers", Expr::texts(home.fleet.network.name_servers()))
        .note("Addresses are declared; systemd-networkd sets them.")
        .put("networking.useNetworkd", true)
        .put("networking.useDHCP", false)
}

fn waiting() -> Set {
    Set::new().note("A port without a cable holds nothing up.").put("systemd.network.wait-online.anyInterface", true)
}

/// What is the same on the port to the LAN.
fn port(home: &Home<'_>) -> Set {
    let mut lan = Set::new();
    if let Some(gateway) = home.fleet.network.gateway {
        lan = lan.put("gateway", Expr::texts([gateway]));
    }
    lan.note("Avahi speaks mDNS, and two would disturb each other.")
        .put("networkConfig.MulticastDNS", false)
        .put("linkConfig.RequiredForOnline", "routable")
}

fn address(host: &Host<'_>) -> Set {
    let prefix = host.home.fleet.network.subnet.prefix();
    let lan = match &host.machine.interface {
        Some(Interface::Name(name)) => Set::new().put("matchConfig.Name", name.as_str()),
        Some(Interface::Mac(mac)) => Set::new().put("matchConfig.PermanentMACAddress", mac.as_str()),
        None => {
            let ethernet = Set::new().put("Type", "ether").put("Kind", "!*");
            Set::new().note("Its one Ethernet port, whatever the kernel calls it.").put("matchConfig", ethernet)
        }
    };
    lan.put("address", Expr::texts([format!("{}/{prefix}", host.machine.address)]))
}
