//! A person at a machine's debug shell: this terminal, raw, joined to the Unix socket of the second serial port.

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Ctrl-], as in telnet: leaves the shell, which goes on.
pub const LEAVE: u8 = 0x1d;

/// Joins standard input and output to the shell until [`LEAVE`] is typed, input ends, or the machine goes off.
///
/// A terminal is switched to raw mode meanwhile, so that Ctrl-C reaches the guest; input that is no terminal is passed on
/// as it is. QEMU serves one such connection at a time.
pub fn attach(socket: &Path) -> io::Result<()> {
    let stream = UnixStream::connect(socket)?;
    let _raw = Raw::begin()?;
    let mut to = stream.try_clone()?;
    // It may sit in a read for good when the machine goes off first; it then ends with the process.
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        let mut input = io::stdin().lock();
        while let Ok(count @ 1..) = input.read(&mut buffer) {
            let typed = until_leave(&buffer[..count]);
            if to.write_all(typed).is_err() || typed.len() < count {
                break;
            }
        }
        // Both ways: what reads the other end stops, too. It may be closed already.
        let _ = to.shutdown(Shutdown::Both);
    });
    show(stream, io::stdout().lock())
}

fn until_leave(typed: &[u8]) -> &[u8] {
    let end = typed.iter().position(|byte| *byte == LEAVE).unwrap_or(typed.len());
    &typed[..end]
}

fn show(mut from: UnixStream, mut to: impl io::Write) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                to.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Raw mode for as long as it lives.
struct Raw {
    before: Option<Termios>,
}

impl Raw {
    fn begin() -> io::Result<Self> {
        let input = io::stdin();
        if !input.is_terminal() {
            return Ok(Self { before: None });
        }
        let before = tcgetattr(&input)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&input, OptionalActions::Now, &raw)?;
        Ok(Self { before: Some(before) })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // Nothing is left to try if the terminal is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{show, until_leave};
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    #[test]
    fn leaving() {
        assert_eq!(until_leave(b"ls\r\x1dmore"), b"ls\r");
        assert_eq!(until_leave(b"ls\r"), b"ls\r");
    }

    #[test]
    fn shows_until_the_machine_is_off() {
        let (mut guest, here) = UnixStream::pair().unwrap();
        guest.write_all(b"root@nas:~# ").unwrap();
        drop(guest);
        let mut seen = Vec::new();
        show(here, &mut seen).unwrap();
        assert_eq!(seen, b"root@nas:~# ");
    }
}
