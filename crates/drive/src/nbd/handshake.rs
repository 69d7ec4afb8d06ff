//! The greeting: which drive there is, and what it can do.

use super::{garbled, u32_from, u64_from};
use std::io::{self, Read, Write};

/// What a client is told of a drive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Export {
    /// Its size.
    pub bytes: u64,
    /// The smallest piece that can be read or written.
    pub sector: u32,
}

const GREETING: &[u8; 8] = b"NBDMAGIC";
const OPTIONS: &[u8; 8] = b"IHAVEOPT";
const REPLY: u64 = 0x0003_e889_0455_65a9;
/// `NBD_FLAG_FIXED_NEWSTYLE` and `NBD_FLAG_NO_ZEROES`.
const NEWSTYLE: u16 = 0b11;
const NO_ZEROES: u32 = 0b10;
/// `NBD_FLAG_HAS_FLAGS`, `_SEND_FLUSH`, `_SEND_FUA`, `_SEND_TRIM`, `_SEND_WRITE_ZEROES`.
const CAN: u16 = 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6;
/// The longest option that is taken: a name of 4,096 bytes, and some requests for information.
const LONGEST: u32 = 8192;
/// The largest piece that is read or written at once, as QEMU's own server has it.
pub(super) const PIECE: u32 = 32 << 20;

const EXPORT_NAME: u32 = 1;
const ABORT: u32 = 2;
const LIST: u32 = 3;
const INFO: u32 = 6;
const GO: u32 = 7;

const ACK: u32 = 1;
const SERVER: u32 = 2;
const INFORMATION: u32 = 3;
const UNSUPPORTED: u32 = 0x8000_0001;

/// Greets a client, whichever export it names: a socket serves one drive. Whether it goes on to requests.
pub(crate) fn greet(stream: &mut (impl Read + Write), export: &Export) -> io::Result<bool> {
    let mut hello = Vec::from(GREETING);
    hello.extend(OPTIONS);
    hello.extend(NEWSTYLE.to_be_bytes());
    stream.write_all(&hello)?;
    let flags = u32_from(stream)?;
    loop {
        if u64_from(stream)? != u64::from_be_bytes(*OPTIONS) {
            return Err(garbled("an option begins with other bytes"));
        }
        let (option, length) = (u32_from(stream)?, u32_from(stream)?);
        if length > LONGEST {
            return Err(garbled("an option is too long"));
        }
        let mut data = vec![0; length as usize];
        stream.read_exact(&mut data)?;
        match option {
            EXPORT_NAME => {
                let mut answer = Vec::from(export.bytes.to_be_bytes());
                answer.extend(CAN.to_be_bytes());
                if flags & NO_ZEROES == 0 {
                    answer.extend([0; 124]);
                }
                stream.write_all(&answer)?;
                return Ok(true);
            }
            ABORT => {
                reply(stream, option, ACK, &[])?;
                return Ok(false);
            }
            LIST => {
                // One export, with an empty name.
                reply(stream, option, SERVER, &0_u32.to_be_bytes())?;
                reply(stream, option, ACK, &[])?;
            }
            INFO | GO => {
                let size = [&0_u16.to_be_bytes()[..], &export.bytes.to_be_bytes(), &CAN.to_be_bytes()].concat();
                reply(stream, option, INFORMATION, &size)?;
                let pieces = [export.sector, export.sector.max(4096), PIECE].map(u32::to_be_bytes).concat();
                reply(stream, option, INFORMATION, &[&3_u16.to_be_bytes()[..], &pieces].concat())?;
                reply(stream, option, ACK, &[])?;
                if option == GO {
                    return Ok(true);
                }
            }
            _ => reply(stream, option, UNSUPPORTED, &[])?,
        }
    }
}

fn reply(stream: &mut impl Write, option: u32, kind: u32, data: &[u8]) -> io::Result<()> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut message = Vec::from(REPLY.to_be_bytes());
    message.extend([option, kind, length].map(u32::to_be_bytes).concat());
    message.extend(data);
    stream.write_all(&message)
}
