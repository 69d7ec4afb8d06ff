//! IPv4 addresses, subnets and ranges as a person writes them; which of them fit together is `check`'s business.

use crate::text::as_text;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// Why a text is no address, subnet, range or endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// Not four numbers.
    #[error("this is not an IPv4 address")]
    Address,
    /// IPv6.
    #[error("this is an IPv6 address; homehive's networks are IPv4")]
    Ipv6,
    /// An address with a prefix.
    #[error("an address stands alone here, without `/` and prefix")]
    Prefixed,
    /// No prefix length.
    #[error("a subnet is an address and a prefix length, such as 192.168.1.0/24")]
    Subnet,
    /// Not 1 to 30.
    #[error("a subnet's prefix length is a number from 8 to 30")]
    Prefix,
    /// Bits set behind the prefix.
    #[error("this is an address in a subnet, not the subnet: the subnet is {0}")]
    HostBits(Subnet),
    /// Neither form.
    #[error("a range is `first-last` or a subnet such as 192.168.1.200/29")]
    Range,
    /// Last before first.
    #[error("the range is reversed: its last address comes before its first")]
    Reversed,
    /// Not `host:port`.
    #[error("this is not `host:port`")]
    Endpoint,
    /// Not 1 to 65535.
    #[error("a port is a number from 1 to 65535")]
    Port,
}

/// Wraps an address for reading; users of the fleet see the plain [`Ipv4Addr`].
pub(crate) struct Address(pub Ipv4Addr);

fn address(text: &str) -> Result<Ipv4Addr, NetError> {
    let text = text.trim();
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) if text.contains('/') => Err(NetError::Prefixed),
        Err(_) if text.parse::<std::net::Ipv6Addr>().is_ok() => Err(NetError::Ipv6),
        Err(_) => Err(NetError::Address),
    }
}

impl FromStr for Address {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        address(text).map(Self)
    }
}

impl document::Decode for Address {
    fn decode(value: &document::Value, at: &document::Path, problems: &mut document::Problems) -> Option<Self> {
        crate::text::read(value, at, "fleet::bad_address", "four numbers: \"192.168.1.10\"", problems)
    }
}

/// A subnet: `192.168.1.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subnet {
    first: Ipv4Addr,
    prefix: u8,
}

impl Subnet {
    /// The prefix length, 8 to 30.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// The subnet's own address, which no machine may have.
    pub fn network(self) -> Ipv4Addr {
        self.first
    }

    /// The address that means every machine of the subnet.
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.first.to_bits() | (u32::MAX >> self.prefix))
    }

    /// Does this address lie in the subnet?
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.network()..=self.broadcast()).contains(&address)
    }

    /// The first and last address that a machine may have, as help lines show them.
    pub fn usable(self) -> AddressRange {
        let first = Ipv4Addr::from_bits(self.first.to_bits() + 1);
        AddressRange { first, last: Ipv4Addr::from_bits(self.broadcast().to_bits() - 1) }
    }
}

fn subnet(text: &str) -> Result<Subnet, NetError> {
    let (start, prefix) = text.trim().split_once('/').ok_or(NetError::Subnet)?;
    let start = address(start)?;
    let prefix = prefix.parse().ok().filter(|prefix| (8..=30).contains(prefix)).ok_or(NetError::Prefix)?;
    let first = Ipv4Addr::from_bits(start.to_bits() & (u32::MAX << (32 - prefix)));
    Ok(Subnet { first, prefix })
}

impl FromStr for Subnet {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        let found = subnet(text)?;
        let start = text.trim().split('/').next().unwrap_or_default();
        if start.parse() == Ok(found.first) { Ok(found) } else { Err(NetError::HostBits(found)) }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

as_text!(
    Subnet,
    "fleet::bad_subnet",
    r"^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/[0-9]+$",
    "the subnet's first address and its prefix length: \"192.168.1.0/24\""
);

/// Addresses from a first to a last one, both included. Written `first-last`, or as a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    first: Ipv4Addr,
    last: Ipv4Addr,
}

impl AddressRange {
    /// The first address.
    pub fn first(self) -> Ipv4Addr {
        self.first
    }

    /// The last address.
    pub fn last(self) -> Ipv4Addr {
        self.last
    }

    /// How many addresses.
    pub fn count(self) -> u64 {
        u64::from(self.last.to_bits()) - u64::from(self.first.to_bits()) + 1
    }

    /// Does this address lie in the range?
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }

    /// Do the two share an address?
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl FromStr for AddressRange {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        if text.contains('/') {
            // A pool written as a subnet may be a /32 or /31 too.
            let (start, prefix) = text.trim().split_once('/').ok_or(NetError::Range)?;
            let first = address(start)?;
            let prefix: u32 = prefix.parse().ok().filter(|prefix| (8..=32).contains(prefix)).ok_or(NetError::Range)?;
            let size = u32::MAX.checked_shr(prefix).unwrap_or(0);
            let first = Ipv4Addr::from_bits(first.to_bits() & !size);
            return Ok(Self { first, last: Ipv4Addr::from_bits(first.to_bits() | size) });
        }
        let (first, last) = text.split_once('-').ok_or(NetError::Range)?;
        let (first, last) = (address(first)?, address(last)?);
        if first <= last { Ok(Self { first, last }) } else { Err(NetError::Reversed) }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

as_text!(
    AddressRange,
    "fleet::bad_range",
    r"^\s*[0-9.]+\s*(-\s*[0-9.]+|/[0-9]+)\s*$",
    "first and last address: \"192.168.1.200-192.168.1.250\""
);

/// A host and a port of a service elsewhere: `smtp.home.arpa:587`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// The host's name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Is this a host's name or IPv4 address, as a person would give it to ssh?
pub(crate) fn is_host(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let part = |part: &str| (1..=63).contains(&part.len()) && part.chars().all(inner) && !part.starts_with('-');
    text.len() <= 253 && text.split('.').all(part)
}

impl FromStr for Endpoint {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        let (host, port) = text.rsplit_once(':').filter(|(host, _)| is_host(host)).ok_or(NetError::Endpoint)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(NetError::Port)?;
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

as_text!(
    Endpoint,
    "fleet::bad_endpoint",
    r"^[A-Za-z0-9._-]+:[0-9]+$",
    "a host and a port: \"smtp.your-provider.net:587\""
);

#[cfg(test)]
mod tests {
    use super::{AddressRange, Endpoint, NetError, Subnet};
    use proptest::prelude::*;

    #[test]
    fn subnets() {
        let home: Subnet = "192.168.1.0/24".parse().unwrap();
        for (text, wanted) in [
            ("192.168.1.0/24", Ok(home)),
            ("192.168.1.7/24", Err(NetError::HostBits(home))),
            ("192.168.1.0", Err(NetError::Subnet)),
            ("192.168.1.0/33", Err(NetError::Prefix)),
            ("0.0.0.0/0", Err(NetError::Prefix)),
            ("192.168.1/24", Err(NetError::Address)),
            ("fd00::/64", Err(NetError::Ipv6)),
        ] {
            assert_eq!(text.parse(), wanted, "{text}");
        }
        assert_eq!(home.broadcast().to_string(), "192.168.1.255");
        assert_eq!(home.usable().to_string(), "192.168.1.1-192.168.1.254");
    }

    #[test]
    fn ranges() {
        for (text, wanted) in [
            ("192.168.1.200-192.168.1.250", Ok(51)),
            ("192.168.1.200 - 192.168.1.200", Ok(1)),
            ("192.168.1.200/29", Ok(8)),
            ("192.168.1.200/32", Ok(1)),
            ("192.168.1.250-192.168.1.200", Err(NetError::Reversed)),
            ("192.168.1.200", Err(NetError::Range)),
            ("192.168.1.200-250", Err(NetError::Address)),
            ("192.168.1.200/40", Err(NetError::Range)),
        ] {
            assert_eq!(text.parse::<AddressRange>().map(AddressRange::count), wanted, "{text}");
        }
    }

    #[test]
    fn endpoints() {
        assert!("smtp.home.arpa:587".parse::<Endpoint>().is_ok());
        assert_eq!("smtp.home.arpa".parse::<Endpoint>(), Err(NetError::Endpoint));
        assert_eq!("smtp.home.arpa:0".parse::<Endpoint>(), Err(NetError::Port));
        assert_eq!("-oProxyCommand=x:22".parse::<Endpoint>(), Err(NetError::Endpoint));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(first: u32, last: u32, prefix in 8_u8..=30) {
            let (first, last) = (first.min(last), first.max(last));
            let text = format!("{}-{}", std::net::Ipv4Addr::from_bits(first), std::net::Ipv4Addr::from_bits(last));
            let range: AddressRange = text.parse().unwrap();
            prop_assert_eq!(range.to_string().parse(), Ok(range));
            let network = std::net::Ipv4Addr::from_bits(first & (u32::MAX << (32 - prefix)));
            let subnet: Subnet = format!("{network}/{prefix}").parse().unwrap();
            prop_assert_eq!(subnet.to_string().parse(), Ok(subnet));
        }
    }
}
