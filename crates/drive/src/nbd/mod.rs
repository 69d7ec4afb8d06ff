//! The server's side of NBD, as far as QEMU speaks it: the fixed newstyle handshake and simple replies
//! (`doc/proto.md` of the NBD project).

mod handshake;
mod requests;

pub(crate) use requests::held;

use handshake::{Export, greet};
use requests::answer;
use std::io::{self, Read, Write};

/// Why a conversation came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client took its leave: all that it wrote is meant to stay.
    Goodbye,
    /// The connection is gone, as when the client was killed.
    Gone,
}

/// One conversation, from greeting to end.
///
/// # Errors
/// The client does not speak the protocol, or the connection broke within a message.
pub(crate) fn converse(mut stream: impl Read + Write, drive: &std::sync::Mutex<crate::Drive>) -> io::Result<End> {
    let export = {
        let drive = held(drive);
        Export { bytes: drive.bytes(), sector: u32::try_from(drive.sector()).unwrap_or(512) }
    };
    if greet(&mut stream, &export)? { answer(&mut stream, drive) } else { Ok(End::Goodbye) }
}

fn u16_from(stream: &mut impl Read) -> io::Result<u16> {
    let mut bytes = [0; 2];
    stream.read_exact(&mut bytes)?;
    Ok(u16::from_be_bytes(bytes))
}

fn u32_from(stream: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

fn u64_from(stream: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

fn garbled(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not NBD: {what}"))
}
