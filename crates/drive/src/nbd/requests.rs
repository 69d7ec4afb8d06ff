//! Requests and their answers, one after another.

use super::handshake::PIECE;
use super::{End, garbled, u16_from, u32_from, u64_from};
use crate::drive::{Drive, DriveError};
use crate::rules::Access;
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

const REQUEST: u32 = 0x2560_9513;
const REPLY: u32 = 0x6744_6698;
/// `NBD_CMD_FLAG_FUA`.
const THROUGH: u16 = 1;

const READ: u16 = 0;
const WRITE: u16 = 1;
const GOODBYE: u16 = 2;
const FLUSH: u16 = 3;
const TRIM: u16 = 4;
const ZEROES: u16 = 6;

/// The numbers that the protocol gives errors; they are Linux'.
const EIO: u32 = 5;
const EINVAL: u32 = 22;
const ENOSPC: u32 = 28;
const ESHUTDOWN: u32 = 108;

/// Answers requests until the client takes its leave, or is gone.
pub(crate) fn answer(stream: &mut (impl Read + Write), drive: &Mutex<Drive>) -> io::Result<End> {
    loop {
        match u32_from(stream) {
            Ok(REQUEST) => {}
            Ok(_) => return Err(garbled("a request begins with other bytes")),
            Err(error) if gone(&error) => return Ok(End::Gone),
            Err(error) => return Err(error),
        }
        let (flags, kind) = (u16_from(stream)?, u16_from(stream)?);
        let (cookie, at, length) = (u64_from(stream)?, u64_from(stream)?, u32_from(stream)?);
        if kind == GOODBYE {
            return Ok(End::Goodbye);
        }
        let large = matches!(kind, READ | WRITE) && length > PIECE;
        if large && kind == WRITE {
            return Err(garbled("a write is larger than what was allowed"));
        }
        let mut data = vec![0; if matches!(kind, READ | WRITE) && !large { length as usize } else { 0 }];
        if kind == WRITE {
            stream.read_exact(&mut data)?;
        }
        let access = match kind {
            READ => Some(Access::Read),
            WRITE | TRIM | ZEROES => Some(Access::Write),
            FLUSH => Some(Access::Flush),
            _ => None,
        };
        if let Some(access) = access {
            let delay = held(drive).delay(access, at, u64::from(length));
            std::thread::sleep(delay);
        }
        let through = flags & THROUGH != 0;
        let (done, data) = {
            let mut drive = held(drive);
            match kind {
                _ if large => (Err(EINVAL), Vec::new()),
                READ => (drive.read(at, &mut data).map_err(|error| number(&error)), data),
                WRITE => (drive.write(at, data, through).map_err(|error| number(&error)), Vec::new()),
                TRIM | ZEROES => {
                    (drive.clear(at, u64::from(length), through).map_err(|error| number(&error)), Vec::new())
                }
                FLUSH => (drive.flush().map_err(|error| number(&error)), Vec::new()),
                _ => (Err(EINVAL), Vec::new()),
            }
        };
        let mut reply = Vec::with_capacity(16 + data.len());
        reply.extend(REPLY.to_be_bytes());
        reply.extend(done.err().unwrap_or(0).to_be_bytes());
        reply.extend(cookie.to_be_bytes());
        if done.is_ok() {
            reply.extend(data);
        }
        match stream.write_all(&reply) {
            Err(error) if gone(&error) => return Ok(End::Gone),
            written => written?,
        }
    }
}

fn number(error: &DriveError) -> u32 {
    match error {
        DriveError::Range { .. } => EINVAL,
        DriveError::Told | DriveError::Medium(_) => EIO,
        DriveError::Full => ENOSPC,
        DriveError::Dark => ESHUTDOWN,
    }
}

/// A client that was killed leaves so.
fn gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | BrokenPipe | ConnectionReset)
}

/// The drive, also when another conversation panicked while it held it: its file is as good as the code that wrote it.
pub(crate) fn held(drive: &Mutex<Drive>) -> MutexGuard<'_, Drive> {
    drive.lock().unwrap_or_else(PoisonError::into_inner)
}
