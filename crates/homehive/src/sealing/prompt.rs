//! Asking for a secret at the terminal without showing it, or reading it from standard input.

use crate::answer;
use crate::args::Global;
use crate::failure::Failure;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal as _, Read as _};
use zeroize::Zeroizing;

/// Room for what is typed; it never grows, so that no copy of it is left behind.
const ROOM: usize = 4096;

/// What was typed.
#[derive(Debug)]
pub enum Answer {
    /// This, the same twice.
    Typed(Zeroizing<String>),
    /// Nothing: later.
    Nothing,
}

/// Can anybody be asked? Neither where standard input is no terminal, nor where no questions are wanted.
pub fn can_ask(global: &Global) -> bool {
    !global.plain && !global.json && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// All of standard input.
pub fn piped() -> Result<Zeroizing<String>, Failure> {
    whole(io::stdin().lock()).map_err(|error| Failure::failed("standard input", error, "give the secret as text"))
}

/// All of it; never a part.
fn whole(input: impl io::Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(2 * ROOM + 1));
    input.take(2 * ROOM as u64 + 1).read_to_string(&mut text)?;
    if text.len() > 2 * ROOM {
        return Err(io::Error::other(format!("this is longer than {} bytes", 2 * ROOM)));
    }
    Ok(text)
}

/// Asks twice, until both are the same; nothing typed means nothing.
pub fn ask(question: &str) -> Result<Answer, Failure> {
    loop {
        let first = hidden(&format!("{question}: "))?;
        if first.is_empty() {
            return Ok(Answer::Nothing);
        }
        if *hidden("the same again: ")? == *first {
            return Ok(Answer::Typed(first));
        }
        answer::aside("these were two different ones; once more");
    }
}

/// Asks once: what is typed is tried anyway.
pub fn ask_once(question: &str) -> Result<Zeroizing<String>, Failure> {
    hidden(&format!("{question}: "))
}

/// The terminal as it was, given back whatever happens.
struct Shown(Termios);

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// One line, typed unseen. Ctrl-C is read as a character, so that the terminal is given back before we leave.
fn hidden(question: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: io::Error| Failure::failed("the terminal", error, "pipe the secret into the command instead");
    let before = tcgetattr(io::stdin()).map_err(|error| failed(error.into()))?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
    quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
    quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
    // What was typed before the question is no answer to it.
    tcsetattr(io::stdin(), OptionalActions::Flush, &quiet).map_err(|error| failed(error.into()))?;
    let shown = Shown(before);
    answer::question(question);
    let typed = line(|byte| rustix::io::read(io::stdin(), byte).map_err(io::Error::from));
    drop(shown);
    answer::aside("");
    match typed.map_err(failed)? {
        Some(bytes) => {
            let text = std::str::from_utf8(&bytes);
            let text = text.map_err(|_| Failure::usage("what was typed is no UTF-8", "set the terminal to UTF-8"))?;
            Ok(Zeroizing::new(text.to_owned()))
        }
        None => Err(Failure::Refused("nothing was changed: you left".to_owned())),
    }
}

/// Reads up to Enter; none if the person left (Ctrl-C, Ctrl-D, Ctrl-\, or the terminal is gone).
fn line(mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut typed = Zeroizing::new(Vec::with_capacity(ROOM));
    let mut byte = Zeroizing::new([0_u8]);
    loop {
        match read(&mut *byte) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
            Ok(0) => return Ok(None),
            Ok(_) => {}
        }
        match byte[0] {
            b'\r' | b'\n' => return Ok(Some(typed)),
            0x03 | 0x04 | 0x1c => return Ok(None),
            0x08 | 0x7f => {
                // The bytes of one character.
                while typed.pop().is_some_and(|last| last & 0xc0 == 0x80) {}
            }
            0x15 => typed.clear(),
            _ if typed.len() == ROOM => return Err(io::Error::other("this is longer than 4096 bytes")),
            other => typed.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ROOM, line, whole};

    #[test]
    fn all_that_is_piped_or_nothing() {
        let most = "x".repeat(2 * ROOM);
        for text in ["", "one\ntwo\n", &most] {
            assert_eq!(whole(text.as_bytes()).unwrap().as_str(), text);
        }
        assert!(whole(format!("{most}\n").as_bytes()).unwrap_err().to_string().contains("8192"));
    }

    #[test]
    fn what_is_typed() {
        for (keys, wanted) in [
            ("secret\n", Some("secret")),
            ("secret\r", Some("secret")),
            ("secrex\x7ft\n", Some("secret")),
            ("aü\x08b\n", Some("ab")),
            ("\x7fx\n", Some("x")),
            ("wrong\x15right\n", Some("right")),
            ("\n", Some("")),
            ("half\x03", None),
            ("half\x04", None),
            ("half", None),
        ] {
            let mut bytes = keys.bytes();
            let typed = line(|byte| {
                Ok(bytes.next().map_or(0, |next| {
                    byte[0] = next;
                    1
                }))
            });
            let typed = typed.unwrap().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
            assert_eq!(typed.as_deref(), wanted, "{keys:?}");
        }
    }
}
