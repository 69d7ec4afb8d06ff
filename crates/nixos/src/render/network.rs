//! The static network: what all machines share, and each one's address.

use super::{Home, Host};
use crate::syntax::{Expr, Set};
use fleet::Interface;

/// The unit of systemd-networkd that describes the port to the LAN.
const LAN: &str = "systemd.network.networks.10-lan";

/// What is the same on every machine.
pub(super) fn shared(home: &Home<'_>) -> Set {
    let network = &home.fleet.network;
    let port = Set::new().put("Type", "ether").put("Kind", "!*");
    let port = Expr::Apply("lib.mkDefault", vec![port.into()]);
    let mut lan = Set::new()
        .note("Any real Ethernet port, whatever the kernel calls it, unless a machine names one.")
        .put("matchConfig", port);
    if let Some(gateway) = network.gateway {
        lan = lan.put("gateway", Expr::texts([gateway]));
    }
    lan = lan
        .note("Avahi speaks mDNS, and two would disturb each other.")
        .put("networkConfig.MulticastDNS", false)
        .put("linkConfig.RequiredForOnline", "routable");
    Set::new()
        .put("networking.domain", Expr::text(&home.fleet.about.domain))
        .put("networking.nameservers", Expr::texts(network.name_servers()))
        .note("Addresses are declared; systemd-networkd sets them.")
        .put("networking.useNetworkd", true)
        .put("networking.useDHCP", false)
        .put(LAN, lan)
        .note("A port without a cable holds nothing up.")
        .put("systemd.network.wait-online.anyInterface", true)
}

/// The machine's own address, and the port that bears it.
pub(super) fn address(host: &Host<'_>) -> Set {
    let prefix = host.home.fleet.network.subnet.prefix();
    let address = Expr::texts([format!("{}/{prefix}", host.machine.address)]);
    let lan = Set::new().put("address", address.clone());
    let lan = match &host.machine.interface {
        None => return Set::new().put("systemd.network.networks.10-lan.address", address),
        Some(Interface::Name(name)) => lan.put("matchConfig.Name", name.as_str()),
        Some(Interface::Mac(mac)) => lan.put("matchConfig.PermanentMACAddress", mac.as_str()),
    };
    Set::new().put(LAN, lan)
}
