//! A TCP port on loopback for a server that a test starts, and that takes a number only.

use rustix::net::{AddressFamily, SocketAddrV4, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt};
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

/// A port that nobody else is given as long as this lives, before its server begins and between two of its lives too.
///
/// It is bound and not listened on: Linux lets a server that sets `SO_REUSEADDR`, as sshd and programs in Go do, listen
/// beside that, chooses the port for no other socket, and refuses who connects to it before there is a server.
pub struct Port {
    pub number: u16,
    _bound: OwnedFd,
}

impl Port {
    /// One that was free.
    pub fn lease() -> Self {
        let bound = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        sockopt::set_socket_reuseaddr(&bound, true).unwrap();
        bind(&bound, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
        let number = SocketAddrV4::try_from(getsockname(&bound).unwrap()).unwrap().port();
        Self { number, _bound: bound }
    }
}
