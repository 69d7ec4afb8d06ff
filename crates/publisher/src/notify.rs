//! Telling systemd how the service is (`sd_notify(3)`).

use std::env;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The socket that systemd gave; without one nothing is told.
#[derive(Debug)]
pub struct Notify {
    socket: Option<(UnixDatagram, SocketAddr)>,
}

impl Notify {
    /// As the environment says: `NOTIFY_SOCKET` is a path, or with `@` an abstract name.
    pub fn from_env() -> Self {
        let address = env::var("NOTIFY_SOCKET").ok().and_then(|name| match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            None => SocketAddr::from_pathname(name).ok(),
        });
        Self { socket: address.and_then(|address| Some((UnixDatagram::unbound().ok()?, address))) }
    }

    /// Tells a state: `READY=1`, `STATUS=…`. What systemd does not take is lost; the service goes on.
    pub fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket {
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

/// How often the watchdog wants to hear that the service is alive: twice in the time it gives.
pub fn watchdog() -> Option<Duration> {
    let microseconds = env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    let meant = env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
    (meant && microseconds > 0).then(|| Duration::from_micros(microseconds) / 2)
}
